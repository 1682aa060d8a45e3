package org.sparklora.driver.watch.report;

import java.util.Arrays;

/** Floats that grow in number: 4 bytes each, where a run has 100,000 steps and a dozen groups. */
final class Floats {

    private float[] values = new float[64];
    private int size;

    void add(float value) {
        if (size == values.length) {
            values = Arrays.copyOf(values, 2 * size);
        }
        values[size] = value;
        size++;
    }

    /** Not-a-numbers until there are so many. */
    void fillTo(int count) {
        while (size < count) {
            add(Float.NaN);
        }
    }

    /** The value at a place; not a number beyond the last. */
    float get(int index) {
        return index < size ? values[index] : Float.NaN;
    }

    int size() {
        return size;
    }
}
