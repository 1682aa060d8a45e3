package org.sparklora.driver.cluster;

import java.io.Serializable;
import java.util.Iterator;
import java.util.List;
import java.util.function.Supplier;
import org.apache.spark.Partition;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.rdd.RDD;
import scala.collection.JavaConverters;
import scala.reflect.ClassTag;
import scala.reflect.ClassTag$;

/** An RDD whose tasks prefer chosen executors, and read their parent's partition only when they need it. */
final class PlacedRdd<T, U> extends RDD<U> {

    private static final long serialVersionUID = 1L;

    private final RDD<T> parent;
    private final PartitionTask<T, U> task;

    /** Only the driver schedules. */
    private final transient List<String> executors;

    /** Computes a partition. */
    @FunctionalInterface
    interface PartitionTask<T, U> extends Serializable {

        /** @param parent reads the parent's partition */
        Iterator<U> run(int partition, Supplier<Iterator<T>> parent);
    }

    private PlacedRdd(RDD<T> parent, List<String> executors, PartitionTask<T, U> task) {
        super(parent, ClassTag$.MODULE$.apply(Object.class));
        this.parent = parent;
        this.task = task;
        this.executors = executors;
    }

    /**
     * Defines a task for each partition of a parent.
     *
     * @param executors Spark's name of the executor that each partition prefers; empty for any
     */
    static <T, U> JavaRDD<U> of(RDD<T> parent, List<String> executors, PartitionTask<T, U> task) {
        ClassTag<U> type = ClassTag$.MODULE$.apply(Object.class);
        return JavaRDD.fromRDD(new PlacedRdd<>(parent, executors, task), type);
    }

    @Override
    public Partition[] getPartitions() {
        return parent.partitions();
    }

    @Override
    public scala.collection.immutable.List<String> getPreferredLocations(Partition partition) {
        String executor = executors.get(partition.index());
        return JavaConverters.asScalaBufferConverter(executor.isEmpty() ? List.<String>of() : List.of(executor))
                .asScala()
                .toList();
    }

    @Override
    public scala.collection.Iterator<U> compute(Partition partition, TaskContext context) {
        Iterator<U> rows = task.run(
                partition.index(),
                () -> JavaConverters.asJavaIteratorConverter(parent.iterator(partition, context))
                        .asJava());
        return JavaConverters.asScalaIteratorConverter(rows).asScala();
    }
}
