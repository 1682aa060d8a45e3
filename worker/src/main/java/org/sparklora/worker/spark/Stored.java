package org.sparklora.worker.spark;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.apache.spark.SerializableWritable;
import org.apache.spark.SparkEnv;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.storage.BlockManager;
import org.apache.spark.storage.BlockManagerId;
import org.apache.spark.storage.BlockResult;
import org.apache.spark.storage.RDDBlockId;
import org.apache.spark.storage.StorageLevel;
import scala.Option;
import scala.collection.JavaConverters;
import scala.reflect.ClassTag$;

/** Rows of any serializable class that Spark may persist. In memory they are objects; blocks on disk are serialized by Java. */
public record Stored<T>(JavaRDD<SerializableWritable<JavaSerialized<T>>> wrapped) {

    /** Rows that are not persisted yet. */
    public static <T> Stored<T> of(JavaRDD<T> rows) {
        return new Stored<>(rows.map(JavaSerialized::of));
    }

    /** Persists the rows in memory, and on disk what does not fit. */
    public Stored<T> persist() {
        wrapped.persist(StorageLevel.MEMORY_AND_DISK());
        return this;
    }

    /** The rows. */
    public JavaRDD<T> rdd() {
        return wrapped.map(row -> row.value().get());
    }

    /**
     * Reads a stored partition within a task, without computing it.
     *
     * @param elsewhere whether to read it from another executor if this one does not hold it
     * @return its rows; empty if it is not there
     */
    @SuppressWarnings("unchecked")
    public static <T> Optional<List<T>> read(int rdd, int partition, boolean elsewhere) {
        BlockManager blocks = SparkEnv.get().blockManager();
        RDDBlockId id = new RDDBlockId(rdd, partition);
        Option<BlockResult> found =
                elsewhere ? blocks.get(id, ClassTag$.MODULE$.apply(Object.class)) : blocks.getLocalValues(id);
        if (found.isEmpty()) {
            return Optional.empty();
        }
        List<T> rows = new ArrayList<>();
        // Reads to the end, which releases the block.
        JavaConverters.asJavaIteratorConverter(found.get().data())
                .asJava()
                .forEachRemaining(row -> rows.add(
                        ((SerializableWritable<JavaSerialized<T>>) row).value().get()));
        return Optional.of(rows);
    }

    /** All executors, as Spark names them for the placement of tasks, sorted. */
    public static List<String> executors(JavaSparkContext spark) {
        return JavaConverters.mapAsJavaMapConverter(
                        SparkEnv.get().blockManager().master().getMemoryStatus())
                .asJava()
                .keySet()
                .stream()
                .filter(place -> spark.isLocal() || !place.isDriver())
                .map(Stored::name)
                .sorted()
                .toList();
    }

    private static String name(BlockManagerId place) {
        return "executor_" + place.host() + "_" + place.executorId();
    }

    /** The executor that stores each partition; empty for none. */
    public List<String> holders() {
        RDDBlockId[] ids = new RDDBlockId[wrapped.getNumPartitions()];
        Arrays.setAll(ids, partition -> new RDDBlockId(wrapped.id(), partition));
        return JavaConverters.seqAsJavaListConverter(
                        SparkEnv.get().blockManager().master().getLocations(ids))
                .asJava()
                .stream()
                .map(places -> JavaConverters.seqAsJavaListConverter(places).asJava().stream()
                        .map(Stored::name)
                        .sorted()
                        .findFirst()
                        .orElse(""))
                .toList();
    }

    /**
     * Frees the storage.
     *
     * @param waits whether to return when it is free
     */
    public void unpersist(boolean waits) {
        wrapped.unpersist(waits);
    }
}
