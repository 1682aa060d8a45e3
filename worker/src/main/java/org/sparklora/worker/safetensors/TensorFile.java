package org.sparklora.worker.safetensors;

import java.io.Closeable;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;

/** An open file of named tensors. Tensors are read when asked for. The caller closes the file. */
public interface TensorFile extends Closeable {

    /** Names of the tensors, in order. */
    SortedSet<String> names();

    /** Shape of a tensor, outermost dimension first. */
    List<Integer> shape(String name);

    /** Takes a tensor's values in their order, a part of them at a time. */
    @FunctionalInterface
    interface Part {

        /** Takes the first {@code count} values of an array, which is used again for the next part. */
        void take(float[] values, int count);
    }

    /**
     * Reads the values of a tensor as float32, row-major; float64 is rounded to nearest. A part has a bounded size, because one
     * tensor may be larger than the heap.
     */
    void read(String name, Part into);

    /** The same in one array, for tensors that are known to be small. */
    default float[] floats(String name) {
        int size = Math.toIntExact(Tensor.size(shape(name)));
        // Memory is taken when the first values come: a damaged file may state any size.
        List<FloatBuffer> all = new ArrayList<>();
        read(name, (values, count) -> {
            if (all.isEmpty()) {
                all.add(FloatBuffer.allocate(size));
            }
            all.get(0).put(values, 0, count);
        });
        return all.isEmpty() ? new float[size] : all.get(0).array();
    }

    /** One tensor with its shape. */
    default Tensor tensor(String name) {
        return new Tensor(shape(name), floats(name));
    }

    /** All tensors by name. */
    default SortedMap<String, Tensor> tensors() {
        SortedMap<String, Tensor> tensors = new TreeMap<>();
        names().forEach(name -> tensors.put(name, tensor(name)));
        return tensors;
    }

    @Override
    void close();
}
