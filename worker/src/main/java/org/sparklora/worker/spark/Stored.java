package org.sparklora.worker.spark;

import org.apache.spark.SerializableWritable;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.storage.StorageLevel;

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
     * Frees the storage.
     *
     * @param waits whether to return when it is free
     */
    public void unpersist(boolean waits) {
        wrapped.unpersist(waits);
    }
}
