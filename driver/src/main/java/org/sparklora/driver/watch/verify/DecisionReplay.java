package org.sparklora.driver.watch.verify;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.sparklora.driver.job.config.ConfigException;
import org.sparklora.driver.job.config.JobConfig;
import org.sparklora.driver.job.config.JobFile;
import org.sparklora.driver.job.freeze.EpochMetrics;
import org.sparklora.driver.job.freeze.FreezeDecision;
import org.sparklora.driver.job.freeze.FreezePolicy;
import org.sparklora.driver.job.freeze.Replay;
import org.sparklora.driver.job.freeze.RunLength;
import org.sparklora.driver.job.freeze.StepPosition;
import org.sparklora.driver.job.freeze.Transition;
import org.sparklora.driver.run.history.HistoryLine;
import org.sparklora.driver.run.history.OutputException;
import org.sparklora.driver.run.history.RunDirectory;
import org.sparklora.driver.run.history.RunHistory;
import org.sparklora.driver.run.history.StoredHistory;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.lora.AdaLora;

/**
 * Re-evaluates every freeze decision of a run from {@code history.jsonl} alone: the job at each epoch, the states before the
 * first epoch, and the metrics of each finished epoch. A difference means that the policy would not have made the recorded
 * decision. With AdaLoRA the budget of each change of ranks is re-evaluated, too.
 */
public final class DecisionReplay {

    private final String file;

    /** The job in force at each epoch that was decided, in order. */
    private final List<JobConfig> jobs = new ArrayList<>();

    /** Recorded changes as text, by global step. */
    private final SortedMap<Long, List<String>> recorded = new TreeMap<>();

    private final List<EpochMetrics> seen = new ArrayList<>();
    private final List<String> differences = new ArrayList<>();
    private Optional<JobConfig> job = Optional.empty();
    private Optional<FreezeState> initial = Optional.empty();
    private int stepsPerEpoch;
    private long steps;
    private int decisions;
    private int budgets;

    private DecisionReplay(String file) {
        this.file = file;
    }

    /**
     * Replays a run, finished or not.
     *
     * @throws OutputException if the directory has no history or cannot be read
     * @throws CorruptRunException if the history is damaged
     */
    public static Verdict of(RunDirectory directory) {
        String file = directory.location() + "/" + RunHistory.FILE;
        DecisionReplay replay = new DecisionReplay(file);
        try {
            StoredHistory history = StoredHistory.of(directory);
            if (history.isEmpty()) {
                throw OutputException.noRun(directory.location());
            }
            RecordedRun.events(file, history.readAll()).forEach(replay::read);
        } catch (IOException e) {
            throw OutputException.reading(directory.location(), e);
        }
        return replay.verdict();
    }

    private void read(JsonNode event) {
        String name = event.path("event").asText();
        String reason = event.path("reason").asText();
        switch (name) {
            case "run" -> readRun(event);
            case "epoch_start" -> jobs.add(currentJob());
            case "thaw", "freeze" ->
                record(event, line(name, event.path("group").asText(), reason));
            case "restore" ->
                record(event, line(name, "epoch " + event.path("restored_epoch").asText(), reason));
            case "stop" -> {
                jobs.add(currentJob());
                record(event, line(name, "the run", reason));
            }
            case "step" -> steps++;
            case "ranks" -> replayBudget(event);
            case "epoch_end" ->
                seen.add(new EpochMetrics(
                        event.path("epoch").asInt(),
                        event.path("train_loss").asDouble(),
                        HistoryLine.numbers(event.path("validation")),
                        HistoryLine.numbers(event.path("group_grad_norm"))));
            default -> {
                // An added group is dormant, and failures change no group.
            }
        }
    }

    /** The budget follows from the job and the number of modules. Which triplets it keeps depends on gradients. */
    private void replayBudget(JsonNode event) {
        decisions++;
        budgets++;
        long step = event.path("step").asLong();
        int modules = event.path("kept").size();
        RunLength length = currentJob().training().length(stepsPerEpoch);
        String replayed = currentJob().lora().method().variant().during(length.steps()) instanceof AdaLora ranks
                        && ranks.budget().allocates(step)
                ? "a rank budget of " + ranks.budget().at(step, modules)
                : "nothing";
        String before = "a rank budget of " + event.path("budget").asText();
        if (!before.equals(replayed)) {
            differences.add("after step " + step + ": recorded " + before + ", re-evaluated " + replayed);
        }
    }

    /** A decision as one line, the same for recorded and re-evaluated ones. */
    private static String line(String what, String subject, String reason) {
        return what + " " + subject + " (" + reason + ")";
    }

    private void record(JsonNode event, String line) {
        int step = event.path("epoch_step").asInt(0);
        long at = StepPosition.of(event.path("epoch").asInt(), step, stepsPerEpoch)
                .globalStep();
        recorded.computeIfAbsent(at, globalStep -> new ArrayList<>()).add(line);
    }

    private JobConfig currentJob() {
        return job.orElseThrow(() -> CorruptRunException.damaged(file + " has an epoch before its run event", null));
    }

    private void readRun(JsonNode event) {
        if (!event.has("configuration")) {
            throw new CorruptRunException(
                    "run.not-replayable", file + " was written by a version that did not record the job", null);
        }
        try {
            job = Optional.of(JobFile.resolved(file, event.path("configuration").asText()));
        } catch (ConfigException e) {
            throw CorruptRunException.damaged(
                    file + " contains a job that this version cannot read: " + e.getMessage(), e);
        }
        stepsPerEpoch = event.path("steps_per_epoch").asInt();
        if (initial.isEmpty()) {
            Map<String, GroupState> states = new TreeMap<>();
            for (GroupState state : GroupState.values()) {
                event.path("initial").path(state.label()).forEach(group -> states.put(group.asText(), state));
            }
            initial = Optional.of(FreezeState.of(states));
        }
    }

    private Verdict verdict() {
        FreezeState state = initial.orElseGet(() -> FreezeState.of(Map.of()));
        for (int epoch = 0; epoch < jobs.size(); epoch++) {
            JobConfig current = jobs.get(epoch);
            FreezePolicy policy = current.schedule().freezePolicy();
            state = state.over(current.lora().groups().keySet());
            for (StepPosition at : new Replay(policy, stepsPerEpoch).moments(epoch)) {
                // A run that ended exactly here may not have decided yet.
                if (at.startsEpoch() || at.globalStep() < steps) {
                    state = replay(policy, state, at);
                }
            }
        }
        long changes =
                budgets + recorded.values().stream().mapToLong(List::size).sum();
        String summary = "re-evaluated " + decisions + " decisions in " + jobs.size() + " epochs, " + changes
                + " of them changes";
        return new Verdict(differences, summary, List.of());
    }

    private FreezeState replay(FreezePolicy policy, FreezeState state, StepPosition at) {
        decisions++;
        FreezeState next = state;
        List<String> replayed = new ArrayList<>();
        try {
            FreezeDecision decision = policy.next(state, at, seen.subList(0, Math.min(at.epoch(), seen.size())));
            next = decision.state();
            decision.stop().ifPresent(reason -> replayed.add(line("stop", "the run", reason)));
            decision.restoreEpoch()
                    .ifPresent(epoch -> replayed.add(line("restore", "epoch " + epoch, decision.reason())));
            for (Transition change : decision.transitions()) {
                replayed.add(line(change.isThaw() ? "thaw" : "freeze", change.group(), change.reason()));
            }
        } catch (IllegalStateException e) {
            // The recorded state cannot have led here.
            replayed.add("nothing: " + e.getMessage());
        }
        List<String> before = recorded.getOrDefault(at.globalStep(), List.of());
        if (!before.equals(replayed)) {
            differences.add(
                    "before " + at + ": recorded " + orNothing(before) + ", re-evaluated " + orNothing(replayed));
        }
        return next;
    }

    private static String orNothing(List<String> lines) {
        return lines.isEmpty() ? "nothing" : String.join(", ", lines);
    }
}
