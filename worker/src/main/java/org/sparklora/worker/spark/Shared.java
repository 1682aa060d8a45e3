package org.sparklora.worker.spark;

import java.io.Serializable;
import org.apache.spark.SerializableWritable;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;

/** A broadcast value of any serializable class. Every JVM reads it once. */
public record Shared<T>(Broadcast<SerializableWritable<JavaSerialized<T>>> broadcast) implements Serializable {

    /** Broadcasts a value. */
    public static <T> Shared<T> of(JavaSparkContext spark, T value) {
        return new Shared<>(spark.broadcast(JavaSerialized.of(value)));
    }

    /** The value. */
    public T value() {
        return broadcast.value().value().get();
    }

    /**
     * Removes the value from all JVMs.
     *
     * @param waits whether to return when it is removed
     */
    public void destroy(boolean waits) {
        broadcast.destroy(waits);
    }
}
