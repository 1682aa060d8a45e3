package org.sparklora.driver.cluster;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.Arithmetic;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.contract.CachePlan;
import org.sparklora.worker.contract.DropoutRates;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.contract.FreezePlan;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LossSettings;
import org.sparklora.worker.contract.ModelSource;
import org.sparklora.worker.contract.ShardPlan;
import org.sparklora.worker.contract.StepSettings;
import org.sparklora.worker.data.Example;
import org.sparklora.worker.data.Shard;
import org.sparklora.worker.data.ShardOrder;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.encoder.HeadLayers;
import org.sparklora.worker.head.ClassificationHead;
import org.sparklora.worker.lora.PlainLora;
import org.sparklora.worker.machine.Machine;
import org.sparklora.worker.spark.EpochContext;
import org.sparklora.worker.spark.RunContext;

/** The least that trains: a tiny encoder without groups, of which only the head learns, and a few rows. */
final class HeadOnly {

    static final Path MODEL =
            Path.of(System.getProperty("project.root", ".."), "worker/src/test/resources/golden/models/tiny-bert-12l");
    static final int SHARDS = 4;
    static final int ROWS = 18;

    private static final ClassificationHead HEAD = new ClassificationHead(2);

    private HeadOnly() {}

    /** The rows, dealt. */
    static JavaRDD<Shard> shards(JavaSparkContext spark) {
        List<Shard> all = new ArrayList<>();
        for (int shard = 0; shard < SHARDS; shard++) {
            List<Example> rows = new ArrayList<>();
            for (int row = shard; row < ROWS; row += SHARDS) {
                rows.add(new Example(new int[] {2, 7 + row, 9, 3}, 4, row % 2, 1, row));
            }
            all.add(Shard.of(shard, rows));
        }
        return spark.parallelize(all, SHARDS);
    }

    /** Epoch 0, as executors get it. */
    static EpochContext context(Path model, CachePlan cache) {
        return context(model, cache, Machine.instructions());
    }

    /** The same of a run whose processors have these instructions. */
    static EpochContext context(Path model, CachePlan cache, String instructions) {
        LoraManifest manifest = new LoraManifest(
                PlainLora.INSTANCE,
                List.of(),
                BiasMode.NONE,
                HeadLayers.classifier(32).tensors(2),
                List.of());
        Map<String, float[]> values = new TreeMap<>();
        manifest.head().forEach(tensor -> {
            float[] v = new float[tensor.size()];
            for (int i = 0; i < v.length; i++) {
                v[i] = i % 5 - 2;
            }
            values.put(tensor.name(), v);
        });
        return new EpochContext(
                new RunContext(
                        ModelSource.everywhere(model.toString()),
                        BaseModel.sha256(MODEL),
                        HEAD,
                        new StepSettings(1, 1, LossSettings.PLAIN, DropoutRates.NONE),
                        ShardOrder.shuffled(1),
                        0,
                        Arithmetic.DEFAULT,
                        instructions),
                new EpochPlan(
                        0,
                        new FreezePlan(manifest, FreezeState.of(Map.of()), tensor -> 14),
                        new ShardPlan(SHARDS, SHARDS, ROWS, false),
                        new AdapterSnapshot(values),
                        cache));
    }
}
