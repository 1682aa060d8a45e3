package org.sparklora.driver.watch.tracking;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What a history's lines are called where Hugging Face's {@code Trainer} logs to: {@code loss}, {@code grad_norm}, {@code
 * learning_rate} and {@code epoch} after every step, {@code eval_accuracy}, {@code eval_loss} and the like after every
 * epoch, {@code train_runtime} at the end. Steps are counted as there: after the first step it is 1.
 *
 * <p>What the Trainer does not know has names beside them: {@code learning_rate/GROUP} and {@code grad_norm/GROUP}; {@code
 * live/GROUP}, 1 while the group trains and 0 while it does not; {@code trainable_parameters}; {@code train_loss}, an epoch's
 * mean. {@code learning_rate} itself is the highest of the live groups'.
 */
final class LoggedScalars {

    private long stepsPerEpoch = 1;
    private long lastStep;

    /** The numbers of a line; lines come in order, and may come again. */
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
                // Before an epoch, the epoch's beginning says it of every group.
                if (fields.has("epoch_step")) {
                    values.put(
                            "live/" + fields.path("group").asText(),
                            line.event().equals("thaw") ? 1.0 : 0.0);
                }
            }
            case "epoch_end" -> end(fields, values);
            case "finished" -> values.put("train_runtime", HistoryLine.number(fields.path("seconds")));
            default -> {} // Failures and the like have no numbers.
        }
        return values.isEmpty() ? Optional.empty() : Optional.of(new Scalars(stepOf(line), line.time(), values));
    }

    /** The steps done when a line was written. */
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
        values.tailMap("learning_rate/").entrySet().stream()
                .filter(e -> e.getKey().startsWith("learning_rate/"))
                .mapToDouble(e -> e.getValue())
                .max()
                .ifPresent(highest -> values.put("learning_rate", highest));
    }

    private static void byGroup(JsonNode groups, String prefix, SortedMap<String, Double> values) {
        groups.fields()
                .forEachRemaining(group -> values.put(prefix + group.getKey(), HistoryLine.number(group.getValue())));
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
