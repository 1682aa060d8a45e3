package org.sparklora.driver.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.rdd.PartitionGroup;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;
import org.sparklora.worker.allreduce.RankMap;

class ShardGroupsTest {

    @Test
    void aTaskHasNeighbours() {
        SparkSession session = SparkSession.builder()
                .master("local[2]")
                .config("spark.ui.enabled", "false")
                .getOrCreate();
        try {
            JavaSparkContext spark = JavaSparkContext.fromSparkContext(session.sparkContext());
            List<Integer> indices = IntStream.range(0, 16).boxed().toList();
            JavaRDD<Integer> shards = spark.parallelize(indices, 16);
            ShardGroups three = new ShardGroups(new RankMap(16, 3));
            PartitionGroup[] groups = three.coalesce(3, shards.rdd());
            List<List<Integer>> members = new ArrayList<>();
            for (PartitionGroup group : groups) {
                members.add(IntStream.range(0, group.numPartitions())
                        .map(i -> group.partitions().apply(i).index())
                        .boxed()
                        .toList());
            }
            assertThat(members)
                    .isEqualTo(List.of(indices.subList(0, 5), indices.subList(5, 10), indices.subList(10, 16)));
            assertThat(three.getPartition(9)).isEqualTo(1);
        } finally {
            session.stop();
        }
    }
}
