package org.sparklora.driver.watch.tracking;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Instant;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.sparklora.driver.run.history.HistoryLine;

/**
 * Converts history lines to scalars with the names of Hugging Face's {@code Trainer}: {@code loss}, {@code grad_norm}, {@code
 * learning_rate} and {@code epoch} after every step, {@code eval_accuracy}, {@code eval_loss} and others after every epoch,
 * {@code train_runtime} at the end. Steps count as in the Trainer: the first step is 1.
 *
 * <p>Further names are {@code learning_rate/GROUP} and {@code grad_norm/GROUP}; {@code live/GROUP}, which is 1 while the
 * group trains and 0 otherwise; {@code trainable_parameters}; and {@code train_loss}, the mean of an epoch. {@code
 * learning_rate} is the highest rate of the live groups.
 */
final class LoggedScalars {

    /**
     * Numbers of one line.
     *
     * @param step number of steps done by then
     * @param values by name
     */
    record Scalars(long step, Instant time, SortedMap<String, Double> values) {}

    private long stepsPerEpoch = 1;
    private long lastStep;

    /** The numbers of a line. Lines come in order and may come again. */
    Optional<Scalars> of(HistoryLine line) {
        JsonNode fields = line.fields();
        SortedMap<String, Double> values = new TreeMap<>();
        switch (line.event()) {
            case "run" ->
                stepsPerEpoch = Math.max(1, fields.path("steps_per_epoch").asLong());
            case "epoch_start" -> start(fields, values);
            case "step" -> {
                lastStep = stepOf(line);
                step(fields, lastStep, values);
            }
            case "thaw", "freeze", "add" -> {
                // A change before an epoch is part of the epoch_start that follows.
                if (fields.has("epoch_step")) {
                    double live = line.event().equals("thaw") ? 1 : 0;
                    values.put("live/" + fields.path("group").asText(), live);
                }
            }
            case "epoch_end" -> end(fields, values);
            case "finished" -> values.put("train_runtime", HistoryLine.number(fields.path("seconds")));
            default -> {} // Failures and others have no numbers.
        }
        return values.isEmpty() ? Optional.empty() : Optional.of(new Scalars(stepOf(line), line.time(), values));
    }

    /** Number of steps done when a line was written. */
    long stepOf(HistoryLine line) {
        JsonNode fields = line.fields();
        long epochBegan = fields.path("epoch").asLong() * stepsPerEpoch;
        return switch (line.event()) {
            case "step" -> fields.path("step").asLong() + 1;
            case "epoch_end" -> epochBegan + stepsPerEpoch;
            case "finished" -> lastStep;
            default -> epochBegan + fields.path("epoch_step").asLong(0);
        };
    }

    private static void start(JsonNode fields, SortedMap<String, Double> values) {
        values.put("trainable_parameters", HistoryLine.number(fields.path("trainable_parameters")));
        for (String state : new String[] {"live", "frozen", "dormant"}) {
            for (JsonNode group : fields.path(state)) {
                values.put("live/" + group.asText(), state.equals("live") ? 1.0 : 0.0);
            }
        }
    }

    private void step(JsonNode fields, long step, SortedMap<String, Double> values) {
        values.put("loss", HistoryLine.number(fields.path("loss")));
        values.put("grad_norm", HistoryLine.number(fields.path("grad_norm")));
        values.put("epoch", (double) step / stepsPerEpoch);
        byGroup(fields.path("group_grad_norm"), "grad_norm/", values);
        byGroup(fields.path("learning_rate"), "learning_rate/", values);
        HistoryLine.numbers(fields.path("learning_rate")).values().stream()
                .max(Double::compare)
                .ifPresent(highest -> values.put("learning_rate", highest));
    }

    private static void byGroup(JsonNode groups, String prefix, SortedMap<String, Double> values) {
        HistoryLine.numbers(groups).forEach((group, value) -> values.put(prefix + group, value));
    }

    private static void end(JsonNode fields, SortedMap<String, Double> values) {
        values.put("train_loss", HistoryLine.number(fields.path("train_loss")));
        byGroup(fields.path("validation"), "eval_", values);
        JsonNode seconds = fields.path("seconds").path("validation");
        if (!fields.path("validation").isEmpty() && seconds.isNumber()) {
            values.put("eval_runtime", seconds.asDouble());
        }
    }
}
