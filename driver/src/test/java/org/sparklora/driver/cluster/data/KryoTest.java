package org.sparklora.driver.cluster.data;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;
import org.sparklora.worker.data.Shard;
import org.sparklora.worker.data.TokenizerSpec;

/** Clusters often set Kryo as the serializer, which knows neither records nor Java's own hooks. */
class KryoTest {

    @Test
    void kryoDealsTheSameShards() throws IOException {
        List<Shard> expected;
        try (SparkSession spark = LocalSpark.start()) {
            expected = shards(spark);
        }
        try (SparkSession spark = LocalSpark.builder()
                .config("spark.serializer", "org.apache.spark.serializer.KryoSerializer")
                .config("spark.kryo.registrationRequired", "true")
                .getOrCreate()) {
            assertThat(shards(spark)).isEqualTo(expected);
        }
    }

    private static List<Shard> shards(SparkSession spark) throws IOException {
        List<Row> rows = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            rows.add(LocalSpark.row("f", i, "tok" + i, i % 2 == 0 ? "plot" : null, i % 3 == 0 ? "a" : "b", "2"));
        }
        Tokenization tokens = new Tokenization(TokenizerSpec.read(LocalSpark.TINY), 12);
        ClassLabels labels = ClassLabels.of(List.of("a", "b"));
        List<Shard> all = new ArrayList<>();
        for (boolean given : new boolean[] {false, true}) {
            ShardLayout layout = new ShardLayout(1, 4, 8, given);
            all.addAll(LocalSpark.collect(TrainingData.prepare(LocalSpark.table(spark, rows), labels, tokens, layout)));
        }
        return all;
    }
}
