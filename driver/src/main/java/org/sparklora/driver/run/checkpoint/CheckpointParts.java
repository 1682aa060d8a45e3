package org.sparklora.driver.run.checkpoint;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.module.SimpleModule;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.ser.std.ToStringSerializer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.sparklora.driver.job.freeze.EpochMetrics;
import org.sparklora.driver.run.loop.TrainingCheckpoint;
import org.sparklora.driver.run.loop.TrainingCheckpoint.EarlierStates;
import org.sparklora.driver.run.loop.TrainingCheckpoint.EpochProgress;
import org.sparklora.driver.run.loop.TrainingCheckpoint.RestorePoint;
import org.sparklora.driver.run.loop.TrainingLoop.Result;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.Padding;
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

    static final JsonMapper JSON = JsonMapper.builder()
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .enable(MapperFeature.ACCEPT_CASE_INSENSITIVE_ENUMS)
            .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
            .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .addModule(new SimpleModule()
                    .addSerializer(double.class, ToStringSerializer.instance)
                    .addSerializer(Double.class, ToStringSerializer.instance))
            .build();

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
        parts.put(PROGRESS, bytes(progress(checkpoint)));
        return parts;
    }

    private static ObjectNode progress(Checkpoint checkpoint) {
        TrainingCheckpoint point = checkpoint.point();
        ObjectNode root = JSON.createObjectNode();
        root.put("epochs_done", point.epochsDone());
        root.put("steps_done", point.stepsDone());
        root.set("epoch_under_way", JSON.valueToTree(point.progress()));
        root.set("epochs", JSON.valueToTree(point.seen()));
        point.earlier()
                .restorePoint()
                .ifPresent(restore -> root.putObject("kept").put("epoch", restore.epoch()));
        point.earlier().best().ifPresent(best -> {
            ObjectNode node = root.putObject("best").put("epoch", best.epoch());
            ObjectNode groups = node.putObject("groups");
            best.freeze().states().forEach((group, state) -> groups.put(group, state.label()));
        });
        root.put("history_bytes", checkpoint.historyBytes());
        root.set("origin", JSON.valueToTree(checkpoint.origin()));
        return root;
    }

    /** Formats a JSON file. */
    static byte[] bytes(JsonNode root) {
        return (root.toPrettyString() + "\n").getBytes(StandardCharsets.UTF_8);
    }

    /**
     * Reads a JSON file.
     *
     * @throws IllegalArgumentException if it is not JSON
     */
    static JsonNode tree(String file, byte[] json) {
        try {
            return JSON.readTree(new String(json, StandardCharsets.UTF_8));
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException(file + " is not JSON", e);
        }
    }

    /**
     * Reads a checkpoint.
     *
     * @throws IllegalArgumentException if the files are not what {@link #encode} wrote
     */
    static Checkpoint decode(Map<String, byte[]> parts, int fencingNumber) {
        JsonNode root = tree(PROGRESS, part(parts, PROGRESS));
        EarlierStates earlier = new EarlierStates(
                Optional.ofNullable(root.get("best")).map(node -> best(node, parts)),
                Optional.ofNullable(root.get("kept"))
                        .map(node -> new RestorePoint(
                                need(node, "epoch").asInt(), TrainStateCodec.decodeState(part(parts, RESTORE_POINT)))));
        TrainingCheckpoint point = new TrainingCheckpoint(
                TrainStateCodec.decodeState(part(parts, STATE)),
                JSON.convertValue(need(root, "epochs"), new TypeReference<List<EpochMetrics>>() {}),
                epochUnderWay(need(root, "epoch_under_way")),
                need(root, "steps_done").asLong(),
                earlier);
        return new Checkpoint(
                point,
                fencingNumber,
                need(root, "history_bytes").asLong(),
                JSON.convertValue(need(root, "origin"), new TypeReference<SortedMap<String, String>>() {}));
    }

    /**
     * 0.1.0 counted neither padding nor weight step by step. Of an epoch that it began, the padding of the rest is counted;
     * without a weight, steps count by their examples.
     */
    private static EpochProgress epochUnderWay(JsonNode node) {
        if (node instanceof ObjectNode fields) {
            fields.putIfAbsent("padding", JSON.valueToTree(Padding.NONE));
            fields.putIfAbsent("weight", JSON.valueToTree(0.0));
        }
        return JSON.convertValue(node, EpochProgress.class);
    }

    private static Result best(JsonNode node, Map<String, byte[]> parts) {
        Map<String, GroupState> groups =
                JSON.convertValue(need(node, "groups"), new TypeReference<TreeMap<String, GroupState>>() {});
        return new Result(
                TrainStateCodec.decodeAdapter(part(parts, BEST)),
                FreezeState.of(groups),
                need(node, "epoch").asInt());
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
