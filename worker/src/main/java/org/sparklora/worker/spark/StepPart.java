package org.sparklora.worker.spark;

import java.io.Serializable;
import java.util.Iterator;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.sparklora.worker.allreduce.ShardTree;
import org.sparklora.worker.contract.PhaseTimes;
import org.sparklora.worker.contract.ShardSum;
import scala.Tuple2;

/**
 * The result of one task of a step.
 *
 * @param sums the sums of the task's complete subtrees, by node of {@code ShardTree}
 * @param times the time that each phase took
 */
public record StepPart(SortedMap<Integer, ShardSum> sums, PhaseTimes times) implements Serializable {

    /** Adds the parts of all tasks along the tree. The order of the parts does not matter. */
    public static StepPart total(ShardTree tree, Iterator<StepPart> parts) {
        Map<Integer, ShardSum> nodes = new TreeMap<>();
        PhaseTimes times = PhaseTimes.NONE;
        while (parts.hasNext()) {
            StepPart part = parts.next();
            nodes.putAll(part.sums());
            times = times.plus(part.times());
        }
        return new StepPart(new TreeMap<>(Map.of(1, tree.total(nodes, ShardSum::add))), times);
    }

    /** The sum over all shards, of a {@link #total}. */
    public ShardSum sum() {
        return Objects.requireNonNull(sums.get(1));
    }

    /** Cuts each gradient into ranges of equal length, numbered from 0. The first has the times, so they count once. */
    public Iterator<Tuple2<Integer, StepPart>> ranges(int count) {
        return IntStream.range(0, count)
                .mapToObj(i -> {
                    TreeMap<Integer, ShardSum> cut = new TreeMap<>(sums);
                    cut.replaceAll((node, sum) -> sum.range(i, count));
                    return new Tuple2<>(i, new StepPart(cut, i == 0 ? times : PhaseTimes.NONE));
                })
                .iterator();
    }
}
