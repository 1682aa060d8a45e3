package org.sparklora.driver.watch.verify;

import com.fasterxml.jackson.databind.JsonNode;
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
import org.sparklora.driver.job.freeze.StepPosition;
import org.sparklora.driver.run.history.RunHistory;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;

/**
 * What a history says about groups: which job was in force in each epoch, what moved when and why, and what the policy had
 * seen by then.
 *
 * @param initial the groups' states before the first epoch
 * @param jobs by epoch that was decided, in order: the job that was in force when it was
 * @param moves by moment, only where something moved
 * @param seen what the finished epochs showed
 * @param steps of the run that are recorded
 */
record RecordedDecisions(
        FreezeState initial,
        List<JobConfig> jobs,
        SortedMap<Long, List<String>> moves,
        List<EpochMetrics> seen,
        Extent steps) {

    /** How long epochs are, and how far the run came. */
    record Extent(int perEpoch, long recorded) {}

    /** Reads them from a history's events, in order. */
    static RecordedDecisions of(String location, List<JsonNode> events) {
        Collector collector = new Collector(location + "/" + RunHistory.FILE);
        events.forEach(collector::add);
        return collector.decisions();
    }

    /** A move as one line, the same for what is recorded and for what is decided again. */
    static String line(String what, String subject, String reason) {
        return what + " " + subject + " (" + reason + ")";
    }

    private static final class Collector {

        private final String file;
        private Optional<FreezeState> initial = Optional.empty();
        private Optional<JobConfig> job = Optional.empty();
        private int stepsPerEpoch;
        private final List<JobConfig> jobs = new ArrayList<>();
        private final SortedMap<Long, List<String>> moves = new TreeMap<>();
        private final List<EpochMetrics> seen = new ArrayList<>();
        private long steps;

        Collector(String file) {
            this.file = file;
        }

        void add(JsonNode event) {
            switch (event.path("event").asText()) {
                case "run" -> run(event);
                case "epoch_start" -> jobs.add(inForce());
                case "thaw", "freeze" ->
                    move(event, line(event.get("event").asText(), text(event, "group"), text(event, "reason")));
                case "restore" -> move(event, line("restore", "epoch " + text(event, "restored_epoch"), reason(event)));
                case "stop" -> {
                    jobs.add(inForce());
                    move(event, line("stop", "the run", reason(event)));
                }
                case "step" -> steps++;
                case "epoch_end" -> seen.add(metrics(event));
                default -> {
                    // An added group is dormant, and failures move nothing.
                }
            }
        }

        private JobConfig inForce() {
            return job.orElseThrow(() -> new CorruptRunException(file, "decides before it says for which job"));
        }

        private void run(JsonNode event) {
            if (!event.has("configuration")) {
                throw new CorruptRunException(
                        file, "was written by a version that did not record what decisions can be taken again from");
            }
            try {
                job = Optional.of(JobFile.resolved(file, text(event, "configuration")));
            } catch (ConfigException e) {
                throw new CorruptRunException(file, "holds a job that this version does not read: " + e.getMessage());
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

        private void move(JsonNode event, String line) {
            int step = event.path("epoch_step").asInt(0);
            long at = StepPosition.of(event.path("epoch").asInt(), step, stepsPerEpoch)
                    .globalStep();
            moves.computeIfAbsent(at, moment -> new ArrayList<>()).add(line);
        }

        private static EpochMetrics metrics(JsonNode event) {
            return new EpochMetrics(
                    event.path("epoch").asInt(),
                    event.path("train_loss").asDouble(),
                    numbers(event.path("validation")),
                    numbers(event.path("group_grad_norm")));
        }

        /** A metric that is no number stands in the history as a text. */
        private static SortedMap<String, Double> numbers(JsonNode node) {
            SortedMap<String, Double> numbers = new TreeMap<>();
            node.fields()
                    .forEachRemaining(e -> numbers.put(
                            e.getKey(), Double.parseDouble(e.getValue().asText())));
            return numbers;
        }

        private static String reason(JsonNode event) {
            return text(event, "reason");
        }

        private static String text(JsonNode event, String field) {
            return event.path(field).asText();
        }

        RecordedDecisions decisions() {
            return new RecordedDecisions(
                    initial.orElseGet(() -> FreezeState.of(Map.of())),
                    jobs,
                    moves,
                    seen,
                    new Extent(stepsPerEpoch, steps));
        }
    }
}
