package org.sparklora.driver.run.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.sparklora.driver.job.freeze.EpochMetrics;
import org.sparklora.driver.run.loop.TrainingCheckpoint;
import org.sparklora.driver.run.loop.TrainingCheckpoint.EarlierStates;
import org.sparklora.driver.run.loop.TrainingCheckpoint.EpochProgress;
import org.sparklora.driver.run.loop.TrainingCheckpoint.NormSum;
import org.sparklora.driver.run.loop.TrainingCheckpoint.RestorePoint;
import org.sparklora.driver.run.loop.TrainingLoop.Result;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.train.TrainStateCodec;

/**
 * The files of a checkpoint: {@code state.bin} (values, moments, step counts, freeze state), {@code best.bin} (the adapter
 * of the best epoch so far, if the run looks for it), {@code kept.bin} (the restore point, if there is one) and {@code
 * progress.json} (everything else, readable).
 *
 * <p>Doubles are texts in the JSON: JSON has no NaN, which a metric may be, and Java reads its own texts back to the same
 * bits.
 */
final class CheckpointParts {

    static final String STATE = "state.bin";
    static final String BEST = "best.bin";
    static final String RESTORE_POINT = "kept.bin";
    static final String PROGRESS = "progress.json";

    private static final ObjectMapper JSON = new ObjectMapper();

    private CheckpointParts() {}

    /** The files by name. */
    static SortedMap<String, byte[]> encode(Checkpoint checkpoint) {
        TrainingCheckpoint point = checkpoint.point();
        SortedMap<String, byte[]> parts = new TreeMap<>();
        parts.put(STATE, TrainStateCodec.encode(point.state()));
        point.earlier().best().ifPresent(best -> parts.put(BEST, TrainStateCodec.encode(best.adapter())));
        point.earlier()
                .restorePoint()
                .ifPresent(restore -> parts.put(RESTORE_POINT, TrainStateCodec.encode(restore.state())));
        parts.put(PROGRESS, (progress(checkpoint).toPrettyString() + "\n").getBytes(StandardCharsets.UTF_8));
        return parts;
    }

    private static ObjectNode progress(Checkpoint checkpoint) {
        TrainingCheckpoint point = checkpoint.point();
        ObjectNode root = JSON.createObjectNode();
        root.put("epochs_done", point.epochsDone());
        root.put("steps_done", point.stepsDone());
        ObjectNode part = root.putObject("epoch_under_way");
        part.put("steps_done", point.progress().stepsDone());
        part.put("loss_sum", Double.toString(point.progress().lossSum()));
        ObjectNode norms = part.putObject("gradient_norms");
        point.progress().norms().forEach((group, norm) -> {
            ObjectNode node = norms.putObject(group);
            node.put("sum", Double.toString(norm.sum()));
            node.put("steps", norm.steps());
        });
        ArrayNode epochs = root.putArray("epochs");
        for (EpochMetrics metrics : point.seen()) {
            ObjectNode epoch = epochs.addObject();
            epoch.put("epoch", metrics.epoch());
            epoch.put("train_loss", Double.toString(metrics.trainLoss()));
            put(epoch.putObject("validation"), metrics.validation());
            put(epoch.putObject("gradient_norms"), metrics.gradientNorms());
        }
        point.earlier()
                .restorePoint()
                .ifPresent(restore -> root.putObject("kept").put("epoch", restore.epoch()));
        point.earlier().best().ifPresent(best -> {
            ObjectNode node = root.putObject("best");
            node.put("epoch", best.epoch());
            ObjectNode groups = node.putObject("groups");
            best.freeze().states().forEach((group, state) -> groups.put(group, state.label()));
        });
        root.put("history_bytes", checkpoint.historyBytes());
        ObjectNode origin = root.putObject("origin");
        checkpoint.origin().forEach(origin::put);
        return root;
    }

    /**
     * Reads a checkpoint.
     *
     * @throws IllegalArgumentException if the files are not what {@link #encode} wrote
     */
    static Checkpoint decode(Map<String, byte[]> parts) {
        JsonNode root;
        try {
            root = JSON.readTree(part(parts, PROGRESS));
        } catch (IOException e) {
            throw new IllegalArgumentException(PROGRESS + " is not JSON", e);
        }
        List<EpochMetrics> seen = new ArrayList<>();
        for (JsonNode epoch : need(root, "epochs")) {
            seen.add(new EpochMetrics(
                    need(epoch, "epoch").asInt(),
                    real(epoch, "train_loss"),
                    reals(need(epoch, "validation")),
                    reals(need(epoch, "gradient_norms"))));
        }
        JsonNode underWay = need(root, "epoch_under_way");
        EpochProgress progress = new EpochProgress(
                need(underWay, "steps_done").asInt(),
                real(underWay, "loss_sum"),
                norms(need(underWay, "gradient_norms")));
        EarlierStates earlier = new EarlierStates(
                Optional.ofNullable(root.get("best")).map(node -> best(node, parts)),
                Optional.ofNullable(root.get("kept"))
                        .map(node -> new RestorePoint(
                                need(node, "epoch").asInt(), TrainStateCodec.decodeState(part(parts, RESTORE_POINT)))));
        TrainingCheckpoint point = new TrainingCheckpoint(
                TrainStateCodec.decodeState(part(parts, STATE)),
                seen,
                progress,
                need(root, "steps_done").asLong(),
                earlier);
        SortedMap<String, String> origin = new TreeMap<>();
        need(root, "origin")
                .fields()
                .forEachRemaining(e -> origin.put(e.getKey(), e.getValue().asText()));
        return new Checkpoint(point, need(root, "history_bytes").asInt(), origin);
    }

    private static Result best(JsonNode node, Map<String, byte[]> parts) {
        Map<String, GroupState> groups = new TreeMap<>();
        need(node, "groups")
                .fields()
                .forEachRemaining(e -> groups.put(
                        e.getKey(), GroupState.valueOf(e.getValue().asText().toUpperCase(Locale.ROOT))));
        return new Result(
                TrainStateCodec.decodeAdapter(part(parts, BEST)),
                FreezeState.of(groups),
                need(node, "epoch").asInt());
    }

    private static void put(ObjectNode node, SortedMap<String, Double> values) {
        values.forEach((name, value) -> node.put(name, Double.toString(value)));
    }

    private static SortedMap<String, NormSum> norms(JsonNode node) {
        SortedMap<String, NormSum> norms = new TreeMap<>();
        node.fields()
                .forEachRemaining(e -> norms.put(
                        e.getKey(),
                        new NormSum(
                                real(e.getValue(), "sum"),
                                need(e.getValue(), "steps").asInt())));
        return norms;
    }

    private static SortedMap<String, Double> reals(JsonNode node) {
        SortedMap<String, Double> values = new TreeMap<>();
        node.fieldNames().forEachRemaining(name -> values.put(name, real(node, name)));
        return values;
    }

    private static double real(JsonNode node, String field) {
        return Double.parseDouble(need(node, field).asText());
    }

    private static JsonNode need(JsonNode node, String field) {
        JsonNode value = node.get(field);
        if (value == null) {
            throw new IllegalArgumentException(PROGRESS + " lacks the field '" + field + "'");
        }
        return value;
    }

    private static byte[] part(Map<String, byte[]> parts, String name) {
        byte[] bytes = parts.get(name);
        if (bytes == null) {
            throw new IllegalArgumentException("the part " + name + " is missing");
        }
        return bytes;
    }
}
