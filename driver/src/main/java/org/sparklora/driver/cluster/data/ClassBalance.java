package org.sparklora.driver.cluster.data;

import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.function.Supplier;
import java.util.stream.LongStream;
import org.sparklora.driver.job.config.ClassWeights;
import org.sparklora.worker.data.Example;
import org.sparklora.worker.data.Shard;

/** Computes the weights of classes in the loss. */
public final class ClassBalance {

    private ClassBalance() {}

    /**
     * The weights of a job's classes. {@code balanced} is scikit-learn's: N / (C n) for a class with n of all N labels, where C
     * is the number of classes that occur. Labels of tokens are counted as those of texts.
     *
     * @param labels label texts in the order of the head's outputs
     * @return a weight for each label
     * @throws DataException if the job weighs a label that does not exist
     */
    public static List<Float> weights(ClassWeights given, List<String> labels, Shards training) {
        return weights(given, labels, () -> counts(training, labels.size()));
    }

    /** The same for shards in memory. */
    public static List<Float> weights(ClassWeights given, List<String> labels, List<Shard> training) {
        return weights(
                given,
                labels,
                () -> training.stream()
                        .map(shard -> counts(shard, labels.size()))
                        .reduce(ClassBalance::plus)
                        .orElseThrow());
    }

    private static List<Float> weights(ClassWeights given, List<String> labels, Supplier<long[]> counts) {
        if (given.byLabel().isEmpty()) {
            return balanced(counts.get());
        }
        SortedMap<String, Double> byLabel = given.byLabel().get();
        byLabel.keySet().stream().filter(label -> !labels.contains(label)).forEach(label -> {
            throw new DataException(
                    "data.label.unseen",
                    "training.class_weights names '" + label + "', which is no label" + DidYouMean.hint(label, labels)
                            + " The labels are " + DidYouMean.list(labels));
        });
        return labels.stream()
                .map(label -> byLabel.getOrDefault(label, 1.0).floatValue())
                .toList();
    }

    private static List<Float> balanced(long[] counts) {
        double all = LongStream.of(counts).sum();
        long present = LongStream.of(counts).filter(count -> count > 0).count();
        List<Float> weights = new ArrayList<>();
        for (long count : counts) {
            weights.add(count == 0 ? 1f : (float) (all / (present * count)));
        }
        return weights;
    }

    private static long[] counts(Shards training, int classes) {
        return training.rdd().map(shard -> counts(shard, classes)).reduce(ClassBalance::plus);
    }

    private static long[] plus(long[] a, long[] b) {
        for (int c = 0; c < a.length; c++) {
            a[c] += b[c];
        }
        return a;
    }

    private static long[] counts(Shard shard, int classes) {
        long[] counts = new long[classes];
        for (int row = 0; row < shard.size(); row++) {
            for (float label : shard.example(row).labels()) {
                if (label != Example.IGNORED) {
                    counts[(int) label]++;
                }
            }
        }
        return counts;
    }
}
