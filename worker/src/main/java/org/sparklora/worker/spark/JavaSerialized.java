package org.sparklora.worker.spark;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.io.ObjectInput;
import java.io.ObjectOutput;
import java.util.List;
import java.util.Objects;
import org.apache.hadoop.io.Writable;
import org.apache.spark.SerializableWritable;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.function.Function2;
import org.apache.spark.rdd.ShuffledRDD;
import org.apache.spark.serializer.JavaSerializer;
import org.jspecify.annotations.Nullable;

/**
 * A value that crosses JVMs in Java's serialization, whatever {@code spark.serializer} is.
 *
 * <p>Broadcasts, results of tasks and persisted rows use the session's serializer, which may be Kryo. Kryo cannot read records,
 * ignores {@code readObject}, and refuses classes that nobody registered if {@code spark.kryo.registrationRequired} is set.
 * Spark itself registers {@link SerializableWritable}, as a class that Java serializes; it then writes its {@link Writable} to
 * the same stream. So nothing is copied, and no buffer of Kryo limits the size.
 */
public final class JavaSerialized<T> implements Writable {

    private @Nullable T value;

    /** For Hadoop, which creates a value before it reads it. */
    JavaSerialized() {}

    /** Wraps a serializable value. */
    public static <T> SerializableWritable<JavaSerialized<T>> of(T value) {
        JavaSerialized<T> wrapped = new JavaSerialized<>();
        wrapped.value = value;
        return new SerializableWritable<>(wrapped);
    }

    /** The wrapped value. */
    public T get() {
        return Objects.requireNonNull(value);
    }

    /** Returns all rows, in the order of their partitions. */
    public static <T> List<T> collect(JavaRDD<T> rows) {
        return values(rows.map(JavaSerialized::of).collect());
    }

    /** Unwraps values. */
    public static <T> List<T> values(List<SerializableWritable<JavaSerialized<T>>> wrapped) {
        return wrapped.stream().map(value -> value.value().get()).toList();
    }

    /** Combines all rows with a function that neither order nor grouping matters to. */
    public static <T> T fold(JavaRDD<T> rows, T zero, Function2<T, T, T> plus) {
        return rows.map(JavaSerialized::of)
                .fold(
                        of(zero),
                        (a, b) -> of(plus.call(a.value().get(), b.value().get())))
                .value()
                .get();
    }

    /** Sets Java's serialization for a shuffle that was just defined, and returns it. */
    public static <K, V> JavaPairRDD<K, V> shuffle(JavaPairRDD<K, V> shuffled) {
        ((ShuffledRDD<?, ?, ?>) shuffled.rdd())
                .setSerializer(new JavaSerializer(shuffled.context().getConf()));
        return shuffled;
    }

    @Override
    public void write(DataOutput out) throws IOException {
        ((ObjectOutput) out).writeObject(value);
    }

    @Override
    @SuppressWarnings("unchecked")
    public void readFields(DataInput in) throws IOException {
        try {
            value = (T) ((ObjectInput) in).readObject();
        } catch (ClassNotFoundException e) {
            throw new IOException(e);
        }
    }
}
