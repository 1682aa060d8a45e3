package org.sparklora.worker.contract;

import java.io.Serializable;
import java.util.List;

/** Name and shape of one trainable float32 tensor, row-major. */
public record TensorSpec(String name, List<Integer> shape) implements Serializable, Comparable<TensorSpec> {

    public TensorSpec {
        shape = List.copyOf(shape);
    }

    /** Number of elements. */
    public int size() {
        int size = 1;
        for (int d : shape) {
            size = Math.multiplyExact(size, d);
        }
        return size;
    }

    @Override
    public int compareTo(TensorSpec other) {
        return name.compareTo(other.name);
    }
}
