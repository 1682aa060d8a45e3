package org.sparklora.driver.watch.verify;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.sparklora.driver.job.config.JobConfig;
import org.sparklora.driver.job.freeze.EpochMetrics;
import org.sparklora.driver.job.freeze.FreezeDecision;
import org.sparklora.driver.job.freeze.FreezePolicy;
import org.sparklora.driver.job.freeze.Replay;
import org.sparklora.driver.job.freeze.StepPosition;
import org.sparklora.driver.job.freeze.Transition;
import org.sparklora.driver.run.history.OutputException;
import org.sparklora.driver.run.history.RunDirectory;
import org.sparklora.driver.run.history.RunHistory;
import org.sparklora.worker.contract.FreezeState;

/**
 * Takes every decision about groups again, from {@code history.jsonl} alone: the job that was in force, the states before
 * the first epoch, and what each finished epoch showed. Where a recorded move differs from the one decided again, policy and
 * record do not belong together.
 */
public final class DecisionReplay {

    private final RecordedDecisions recorded;
    private final List<String> differences = new ArrayList<>();
    private FreezeState state;
    private int moments;

    private DecisionReplay(RecordedDecisions recorded) {
        this.recorded = recorded;
        this.state = recorded.initial();
    }

    /**
     * Replays a run, finished or not.
     *
     * @throws OutputException when the directory holds no history or cannot be read
     * @throws CorruptRunException when the history is damaged
     */
    public static Verdict of(RunDirectory directory) {
        try {
            if (!directory.exists(RunHistory.FILE)) {
                throw new OutputException(
                        directory.location() + " holds no run: there is no " + RunHistory.FILE + "; check the path");
            }
            byte[] utf8 = directory.read(RunHistory.FILE);
            return new DecisionReplay(RecordedDecisions.of(
                            directory.location(), RecordedHistory.events(directory.location(), utf8)))
                    .verdict();
        } catch (IOException e) {
            throw new OutputException(directory.location() + " cannot be read: " + e.getMessage()
                    + "; check the path and its permissions");
        }
    }

    private Verdict verdict() {
        for (int epoch = 0; epoch < recorded.jobs().size(); epoch++) {
            replay(epoch, recorded.jobs().get(epoch));
        }
        long moved = recorded.moves().values().stream().mapToLong(List::size).sum();
        String summary = moments + " decisions over " + recorded.jobs().size() + " epochs, " + moved
                + " of them moves, taken again from the history";
        return new Verdict(differences, summary, List.of());
    }

    private void replay(int epoch, JobConfig job) {
        FreezePolicy policy = job.schedule().freezePolicy(job.seed());
        state = state.over(job.lora().groups().keySet());
        for (StepPosition at : new Replay(policy, recorded.steps().perEpoch()).moments(epoch)) {
            // A run that ended just there may not have come to decide.
            if (at.startsEpoch() || at.globalStep() < recorded.steps().recorded()) {
                compare(at, again(policy, at));
            }
        }
    }

    private List<String> again(FreezePolicy policy, StepPosition at) {
        List<EpochMetrics> seen =
                recorded.seen().subList(0, Math.min(at.epoch(), recorded.seen().size()));
        FreezeDecision decision;
        try {
            decision = policy.next(state, at, seen);
        } catch (IllegalStateException e) {
            // The state in the record cannot have led here.
            return List.of("nothing: " + e.getMessage());
        }
        state = decision.state();
        List<String> lines = new ArrayList<>();
        decision.stop().ifPresent(reason -> lines.add(RecordedDecisions.line("stop", "the run", reason)));
        decision.restoreEpoch()
                .ifPresent(epoch -> lines.add(RecordedDecisions.line("restore", "epoch " + epoch, decision.reason())));
        for (Transition move : decision.transitions()) {
            lines.add(RecordedDecisions.line(move.isThaw() ? "thaw" : "freeze", move.group(), move.reason()));
        }
        return lines;
    }

    private void compare(StepPosition at, List<String> again) {
        moments++;
        List<String> was =
                Optional.ofNullable(recorded.moves().get(at.globalStep())).orElse(List.of());
        if (!was.equals(again)) {
            differences.add("before " + at + ": recorded " + orNothing(was) + ", decided again " + orNothing(again));
        }
    }

    private static String orNothing(List<String> lines) {
        return lines.isEmpty() ? "nothing" : String.join(", ", lines);
    }
}
