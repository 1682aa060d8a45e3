package org.sparklora.worker.contract;

import java.io.Serializable;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.Map;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.stream.IntStream;

/**
 * Values of trainable tensors at one moment, by tensor name. Dormant groups have none. Immutable: arrays are copied in and
 * out.
 */
public final class AdapterSnapshot implements Serializable {

    private static final long serialVersionUID = 1L;

    /** Without any tensor. */
    public static final AdapterSnapshot EMPTY = new AdapterSnapshot(Map.of());

    private final SortedMap<String, float[]> values;

    private AdapterSnapshot(SortedMap<String, float[]> values) {
        this.values = values;
    }

    /** Copies values by tensor name, row-major in the manifest's shape. */
    public AdapterSnapshot(Map<String, float[]> values) {
        this(new TreeMap<String, float[]>());
        values.forEach((name, v) -> this.values.put(name, v.clone()));
    }

    /** The same without a copy, of arrays that nothing else refers to. */
    static AdapterSnapshot owning(Map<String, float[]> values) {
        return new AdapterSnapshot(new TreeMap<>(values));
    }

    /** Names of the tensors, in order. */
    public SortedSet<String> names() {
        return new TreeSet<>(values.keySet());
    }

    /** Whether the tensor has values; while its group is dormant it has none. */
    public boolean contains(String name) {
        return values.containsKey(name);
    }

    /**
     * A copy of one tensor's values, row-major.
     *
     * @throws IllegalArgumentException for a tensor without values
     */
    public float[] values(String name) {
        return require(name).clone();
    }

    /**
     * One tensor's values, row-major, without a copy. For readers only: the array must not be changed.
     *
     * @throws IllegalArgumentException for a tensor without values
     */
    public float[] view(String name) {
        return require(name);
    }

    /** Whether a tensor has no values or zeros alone. */
    public boolean isZero(String name) {
        float[] values = contains(name) ? view(name) : new float[0];
        return IntStream.range(0, values.length).allMatch(i -> values[i] == 0f);
    }

    /** The tensors whose names pass a test. */
    public AdapterSnapshot only(Predicate<String> test) {
        TreeMap<String, float[]> selected = new TreeMap<>();
        values.forEach((name, v) -> {
            if (test.test(name)) {
                selected.put(name, v);
            }
        });
        // Arrays of a snapshot never change, so snapshots may share them.
        return new AdapterSnapshot(selected);
    }

    /** This snapshot with the tensors of another added or replaced. */
    public AdapterSnapshot with(AdapterSnapshot newer) {
        TreeMap<String, float[]> all = new TreeMap<>(values);
        all.putAll(newer.values);
        return new AdapterSnapshot(all);
    }

    /** SHA-256 over names, lengths and values, in name order; hexadecimal. */
    public String sha256() {
        MessageDigest sha = Sha256.digest();
        values.forEach((name, v) -> {
            byte[] utf8 = name.getBytes(StandardCharsets.UTF_8);
            ByteBuffer bytes =
                    ByteBuffer.allocate(8 + utf8.length + 4 * v.length).order(ByteOrder.LITTLE_ENDIAN);
            bytes.putInt(utf8.length).put(utf8).putInt(v.length);
            bytes.asFloatBuffer().put(v);
            sha.update(bytes.array());
        });
        return Sha256.hex(sha);
    }

    private float[] require(String name) {
        float[] v = values.get(name);
        if (v == null) {
            throw new IllegalArgumentException("the adapter holds no tensor '" + name + "'");
        }
        return v;
    }

    @Override
    public boolean equals(Object o) {
        return o instanceof AdapterSnapshot other
                && values.keySet().equals(other.values.keySet())
                && values.keySet().stream().allMatch(name -> Arrays.equals(view(name), other.view(name)));
    }

    @Override
    public int hashCode() {
        return values.keySet().hashCode();
    }

    @Override
    public String toString() {
        return "AdapterSnapshot" + values.keySet();
    }
}
