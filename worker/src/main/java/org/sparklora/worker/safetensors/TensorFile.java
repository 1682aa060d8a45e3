package org.sparklora.worker.safetensors;

import java.io.Closeable;
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

    /** Values of a tensor as float32, row-major; float64 is rounded to nearest. */
    float[] floats(String name);

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
