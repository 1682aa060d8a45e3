package org.sparklora.driver.cluster;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.sparklora.driver.cluster.data.KeyPartitioner;
import org.sparklora.driver.cluster.failure.SparkSentences;
import org.sparklora.worker.allreduce.RankMap;
import org.sparklora.worker.allreduce.ShardTree;
import org.sparklora.worker.contract.ShardSum;
import org.sparklora.worker.spark.JavaSerialized;
import org.sparklora.worker.spark.StepPart;

/**
 * Adds the sums of all tasks on executors: each task of a second stage adds one range of the gradient's values along the whole
 * tree. So the driver receives one gradient, however many tasks there are. Each value is added as it would be on the driver.
 *
 * <p>The sums go through Spark's shuffle. If an executor is lost, Spark computes its sums again, to the same bits.
 *
 * @param ranges number of ranges
 */
record RangeReduction(JavaSparkContext spark, ShardTree tree, int ranges) {

    /** What the driver receives at most without a second stage, in gradients or in bytes, whichever is more. */
    private static final int MAX_GRADIENTS = 4;

    private static final long MAX_BYTES = 64L << 20;

    /** Bytes of a range. Spark sends results of up to 1 MiB without storing them first. */
    private static final long MAX_RANGE = 1_000_000;

    /** Bytes that a task reads. */
    private static final long MAX_READ = 32L << 20;

    /**
     * Decides whether executors add the sums.
     *
     * @param tasks of a step; each has the shards of a rank
     * @param values of a gradient
     * @return empty if the driver can receive the sums of all tasks
     */
    static Optional<RangeReduction> of(JavaSparkContext spark, ShardTree tree, int tasks, int values) {
        long bytes = 4L * values;
        int sums = subtrees(tree, tasks);
        long limit = spark.getConf().getSizeAsBytes(SparkSentences.MAX_RESULT_SIZE, "1g");
        long most = Math.min(Math.max(MAX_GRADIENTS * bytes, MAX_BYTES), limit == 0 ? Long.MAX_VALUE : limit / 2);
        if (sums * bytes <= most) {
            return Optional.empty();
        }
        long range = Math.min(MAX_RANGE, 1 + MAX_READ / sums);
        return Optional.of(new RangeReduction(spark, tree, Math.toIntExact(1 + bytes / range)));
    }

    /** Number of sums that are left when each of so many ranks has added its shards. */
    private static int subtrees(ShardTree tree, int ranks) {
        RankMap map = new RankMap(tree.shards(), ranks);
        int left = 0;
        for (int rank = 0; rank < ranks; rank++) {
            Map<Integer, Integer> leaves = IntStream.range(map.firstShard(rank), map.firstShard(rank + 1))
                    .boxed()
                    .collect(Collectors.toMap(tree::leaf, shard -> shard));
            left += tree.combine(leaves, (a, b) -> a).size();
        }
        return left;
    }

    /** Runs the job. */
    StepPart total(JavaRDD<StepPart> parts) {
        int count = ranges;
        ShardTree along = tree;
        JavaPairRDD<Integer, StepPart> shuffled = JavaSerialized.shuffle(parts.flatMapToPair(part -> part.ranges(count))
                .partitionBy(new KeyPartitioner(count, range -> (Integer) range)));
        try {
            List<StepPart> totals = JavaSerialized.collect(shuffled.values()
                    .mapPartitions(
                            range -> List.of(StepPart.total(along, range)).iterator()));
            ShardSum sum = ShardSum.joined(totals.stream().map(StepPart::sum).toList());
            return new StepPart(new TreeMap<>(Map.of(1, sum)), totals.get(0).times());
        } finally {
            // Spark would remove the files when the driver's heap is collected, after many more steps.
            shuffled.rdd().cleanShuffleDependencies(false);
        }
    }
}
