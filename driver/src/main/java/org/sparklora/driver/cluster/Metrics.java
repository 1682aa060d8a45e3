package org.sparklora.driver.cluster;

import java.io.Serializable;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.sparklora.driver.cluster.data.Shards;
import org.sparklora.driver.cluster.score.Correlation;
import org.sparklora.driver.cluster.score.EntityCounts;
import org.sparklora.driver.cluster.score.LabelSetCounts;
import org.sparklora.driver.job.config.Task;
import org.sparklora.worker.allreduce.ShardTree;
import org.sparklora.worker.data.Shard;
import org.sparklora.worker.head.TaskHead;
import org.sparklora.worker.inference.TrainedModel;
import org.sparklora.worker.spark.JavaSerialized;
import org.sparklora.worker.spark.ScoreShards;
import org.sparklora.worker.spark.ShardScores;
import org.sparklora.worker.spark.Shared;
import org.sparklora.worker.spark.Stored;
import scala.Tuple2;

/**
 * Computes validation metrics. {@code loss} is the mean plain loss: without label smoothing, class weights or focal factor.
 *
 * <p>For classification {@code f1} is the mean of the classes' F1 weighted by their frequency, and {@code auc} the area under
 * the ROC curve (two classes only). For label sets {@code f1} is the micro average and {@code accuracy} counts whole sets. For
 * tags {@code f1} is the F1 of entities and {@code accuracy} counts words. {@link LabelSetCounts} and {@link EntityCounts}
 * compute these. Where a class is missing, values are those of Spark MLlib, which is not used itself: its evaluators run a
 * query for each value, and it sends classes between tasks that Kryo refuses if {@code spark.kryo.registrationRequired} is set.
 *
 * <p>Executors reduce the rows, so the driver receives the same few numbers however many rows there are: integers, and sums
 * in the order of the {@link ShardTree}. So no metric depends on the cluster. Metrics of ranks sort the rows on executors.
 *
 * @param labels label texts in the order of the head's outputs; empty for regression
 */
public record Metrics(Task task, TaskHead head, List<String> labels) implements Serializable {

    private static final int ROWS_ON_DRIVER = 8_192;

    public Metrics {
        labels = List.copyOf(labels);
    }

    /** Computes the metrics of a trained model on labelled rows, as validation during training does. */
    public SortedMap<String, Double> of(TrainedModel model, Shards rows) {
        Shared<TrainedModel> shared =
                Shared.of(JavaSparkContext.fromSparkContext(rows.rdd().context()), model);
        try {
            return of(
                    rows.rdd().mapPartitions(new ScoreShards<>(shared, scores())),
                    rows.plan().shards(),
                    rows.statistics().examples());
        } finally {
            // Waits: if Spark still removes it when it is stopped, Spark prints stack traces.
            shared.destroy(true);
        }
    }

    /** Computes logits of labelled rows. */
    public interface RowScores {

        /** The scores of each shard. */
        <T extends ShardScores> JavaRDD<T> of(JavaRDD<Shard> rows, ShardScores.Factory<T> scores);
    }

    /** The same with whatever computes the logits. Rows that get none have no part in the metrics. */
    public SortedMap<String, Double> of(RowScores models, Shards rows) {
        return of(
                models.of(rows.rdd(), scores()),
                rows.plan().shards(),
                rows.statistics().examples());
    }

    /** What a task computes from the logits of each shard. */
    ShardScores.Factory<ScoredShard> scores() {
        return shard -> new ScoredShard(shard, this);
    }

    /** Whether a metric needs the ranks of all rows. */
    boolean ranked() {
        return task == Task.REGRESSION || (task == Task.CLASSIFICATION && head.outputs() == 2);
    }

    /**
     * Computes the metrics of all shards. Ranks of few rows are found on the driver, from the same job: in a small epoch, the
     * jobs of a distributed sort would take longer than the rest of validation.
     *
     * @param shards of the rows, a power of two
     * @param rows number of rows
     */
    SortedMap<String, Double> of(JavaRDD<ScoredShard> scored, int shards, long rows) {
        if (!ranked()) {
            return total(scored, shards).values();
        }
        if (rows <= ROWS_ON_DRIVER) {
            return of(JavaSerialized.collect(scored), shards);
        }
        Stored<ScoredShard> stored = Stored.of(scored).persist();
        try {
            RowSums sums = total(stored.rdd(), shards);
            JavaPairRDD<Double, Double> pairs = stored.rdd()
                    .flatMapToPair(shard -> scoresAndLabels(List.of(shard)).iterator());
            return withRanks(sums, () -> positiveRanks(pairs, sums.rows()), () -> squares(pairs, sums.rows()));
        } finally {
            stored.unpersist(false);
        }
    }

    /** The same for rows that are all here. */
    SortedMap<String, Double> of(List<ScoredShard> all, int shards) {
        RowSums sums = new ShardTree(shards).total(subtrees(shards, all.iterator()), RowSums::plus);
        return ranked()
                ? withRanks(sums, () -> positiveRanks(Ranks.twice(scoresAndLabels(all))), () -> squares(all))
                : sums.values();
    }

    private SortedMap<String, Double> withRanks(
            RowSums sums, Supplier<Long> positiveRanks, Supplier<List<BigInteger>> squares) {
        SortedMap<String, Double> values = sums.values();
        if (task == Task.REGRESSION) {
            values.put("spearman", Double.isNaN(sums.pearson()) ? Double.NaN : spearman(squares.get()));
        } else {
            values.put("auc", areaUnderRoc(sums, positiveRanks));
        }
        return values;
    }

    private static RowSums total(JavaRDD<ScoredShard> scored, int shards) {
        Map<Integer, RowSums> nodes = new TreeMap<>();
        JavaSerialized.collect(scored.mapPartitions(
                        part -> List.of(subtrees(shards, part)).iterator()))
                .forEach(nodes::putAll);
        return new ShardTree(shards).total(nodes, RowSums::plus);
    }

    private static SortedMap<Integer, RowSums> subtrees(int shards, Iterator<ScoredShard> own) {
        ShardTree tree = new ShardTree(shards);
        Map<Integer, RowSums> leaves = new TreeMap<>();
        own.forEachRemaining(shard -> leaves.put(tree.leaf(shard.shard()), shard.sums()));
        return tree.combine(leaves, RowSums::plus);
    }

    /** Score and label of each row. */
    private static List<Tuple2<Double, Double>> scoresAndLabels(List<ScoredShard> scored) {
        return scored.stream()
                .flatMap(shard -> IntStream.range(0, shard.ranked())
                        .mapToObj(row -> new Tuple2<>(shard.score(row), shard.label(row))))
                .toList();
    }

    /**
     * The share of pairs of a positive and a negative row whose scores are in order; equal scores count one half. That number
     * of pairs is Mann and Whitney's U, which follows from the ranks of the positive rows.
     */
    private static double areaUnderRoc(RowSums counted, Supplier<Long> positiveRanks) {
        long positive = counted.sets().actual(1);
        long negative = counted.sets().actual(0);
        // Where a class is missing, MLlib's values.
        if (positive == 0 || negative == 0) {
            return positive == 0 ? 0 : 1;
        }
        long twice = positiveRanks.get() - positive * (positive + 1);
        return twice / (2.0 * positive * negative);
    }

    /** Twice the sum of the ranks of positive rows, from twice the rank and the label of each row. */
    private static long positiveRanks(Iterator<Tuple2<Long, Double>> rows) {
        long sum = 0;
        while (rows.hasNext()) {
            Tuple2<Long, Double> row = rows.next();
            sum += row._2() == 1 ? row._1() : 0;
        }
        return sum;
    }

    private static long positiveRanks(JavaPairRDD<Double, Double> scoresAndLabels, long rows) {
        JavaRDD<Long> sums = Ranks.twice(scoresAndLabels, rows)
                .mapPartitions(part -> List.of(positiveRanks(part)).iterator());
        return JavaSerialized.fold(sums, 0L, Long::sum);
    }

    /** Pearson's correlation of the ranks, in integers until the last division. */
    private static double spearman(List<BigInteger> squares) {
        double[] total = squares.stream().mapToDouble(BigInteger::doubleValue).toArray();
        return Correlation.of(total[0], total[1], total[2]);
    }

    private static List<BigInteger> squares(List<ScoredShard> scored) {
        List<Tuple2<Double, Long>> byLabel = new ArrayList<>();
        Ranks.twice(scoresAndLabels(scored))
                .forEachRemaining(ranked -> byLabel.add(new Tuple2<>(ranked._2(), ranked._1())));
        return squares(Ranks.twice(byLabel), byLabel.size() + 1);
    }

    private static List<BigInteger> squares(JavaPairRDD<Double, Double> scoresAndLabels, long rows) {
        JavaPairRDD<Double, Long> byLabel =
                Ranks.twice(scoresAndLabels, rows).mapToPair(ranked -> new Tuple2<>(ranked._2(), ranked._1()));
        JavaRDD<List<BigInteger>> parts = Ranks.twice(byLabel, rows)
                .mapPartitions(part -> List.of(squares(part, rows + 1)).iterator());
        List<BigInteger> zero = List.of(BigInteger.ZERO, BigInteger.ZERO, BigInteger.ZERO);
        return JavaSerialized.fold(parts, zero, Metrics::added);
    }

    /** Sums of squares and products of pairs of numbers, less their mean. */
    private static List<BigInteger> squares(Iterator<Tuple2<Long, Long>> pairs, long mean) {
        BigInteger[] sums = {BigInteger.ZERO, BigInteger.ZERO, BigInteger.ZERO};
        while (pairs.hasNext()) {
            Tuple2<Long, Long> pair = pairs.next();
            long x = pair._1() - mean;
            long y = pair._2() - mean;
            sums[0] = sums[0].add(BigInteger.valueOf(x * x));
            sums[1] = sums[1].add(BigInteger.valueOf(y * y));
            sums[2] = sums[2].add(BigInteger.valueOf(x * y));
        }
        return List.of(sums);
    }

    private static List<BigInteger> added(List<BigInteger> a, List<BigInteger> b) {
        return IntStream.range(0, a.size())
                .mapToObj(i -> a.get(i).add(b.get(i)))
                .toList();
    }
}
