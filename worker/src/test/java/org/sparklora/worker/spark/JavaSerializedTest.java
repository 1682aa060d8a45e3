package org.sparklora.worker.spark;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;
import org.apache.spark.HashPartitioner;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.storage.StorageLevel;
import org.junit.jupiter.api.Test;
import org.sparklora.worker.contract.PhaseTimes;
import org.sparklora.worker.spark.SegmentResult.Outcome;

/** Kryo as strict as it can be set, with its default buffer of 64 MB, and a training state of 100 MB. */
class JavaSerializedTest {

    private static final int MEGABYTES = 100;

    private static SegmentResult result() {
        byte[] state = new byte[MEGABYTES << 20];
        new Random(1).nextBytes(state);
        return new SegmentResult(0, "host:1", new TreeMap<>(), PhaseTimes.NONE, new Outcome(List.of(), null, state));
    }

    private static long sum(SegmentResult result) {
        long sum = 0;
        for (byte b : Objects.requireNonNull(result.outcome()).state()) {
            sum = 31 * sum + b;
        }
        return sum;
    }

    @Test
    void aHundredMegabytesCrossEveryBorder() {
        SparkConf kryo = new SparkConf()
                .setMaster("local[1]")
                .setAppName("kryo")
                .set("spark.ui.enabled", "false")
                .set("spark.serializer", "org.apache.spark.serializer.KryoSerializer")
                .set("spark.kryo.registrationRequired", "true");
        SegmentResult given = result();
        long expected = sum(given);
        try (JavaSparkContext spark = new JavaSparkContext(kryo)) {
            Shared<SegmentResult> shared = Shared.of(spark, given);
            JavaRDD<SegmentResult> rows = spark.parallelize(List.of(1), 1).map(one -> shared.value());
            JavaPairRDD<String, SegmentResult> moved =
                    JavaSerialized.shuffle(rows.keyBy(SegmentResult::host).partitionBy(new HashPartitioner(1)));
            Stored<SegmentResult> stored = Stored.of(moved.values());
            stored.wrapped().persist(StorageLevel.DISK_ONLY());
            assertThat(stored.rdd().count()).isEqualTo(1);
            List<SegmentResult> collected = JavaSerialized.collect(stored.rdd());
            assertThat(collected).hasSize(1);
            assertThat(sum(collected.get(0))).isEqualTo(expected);
            SegmentResult folded = JavaSerialized.fold(stored.rdd(), collected.get(0), (a, b) -> b);
            assertThat(sum(folded)).isEqualTo(expected);
            shared.destroy(true);
        }
    }
}
