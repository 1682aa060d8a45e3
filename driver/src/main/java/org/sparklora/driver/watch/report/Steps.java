package org.sparklora.driver.watch.report;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Arrays;
import java.util.SortedMap;
import java.util.TreeMap;
import org.sparklora.driver.run.history.HistoryLine;

/**
 * The optimizer steps of a run as columns of floats, which need a tenth of the memory of their events.
 *
 * @param step global numbers of the steps; floats are exact up to 16 million
 * @param norms gradient norms by group; NaN for steps at which the group was not live
 * @param rates learning rates by group; NaN for steps at which the group was not live
 */
record Steps(FloatList step, FloatList loss, SortedMap<String, FloatList> norms, SortedMap<String, FloatList> rates) {

    Steps() {
        this(new FloatList(), new FloatList(), new TreeMap<>(), new TreeMap<>());
    }

    /** A growing array of floats: 4 bytes per value, for runs with 100,000 steps and a dozen groups. */
    static final class FloatList {

        private float[] values = new float[64];
        private int size;

        void add(float value) {
            if (size == values.length) {
                values = Arrays.copyOf(values, 2 * size);
            }
            values[size] = value;
            size++;
        }

        /** The value at an index; NaN beyond the last. */
        float get(int index) {
            return index < size ? values[index] : Float.NaN;
        }
    }

    void add(JsonNode event) {
        int index = size();
        step.add((float) event.path("step").asLong());
        loss.add((float) HistoryLine.number(event.path("loss")));
        put(norms, event.path("group_grad_norm"), index);
        put(rates, event.path("learning_rate"), index);
    }

    private static void put(SortedMap<String, FloatList> columns, JsonNode values, int index) {
        HistoryLine.numbers(values).forEach((group, value) -> {
            FloatList column = columns.computeIfAbsent(group, name -> new FloatList());
            while (column.size < index) {
                column.add(Float.NaN);
            }
            column.add(value.floatValue());
        });
    }

    int size() {
        return loss.size;
    }

    /** Global number of the last step; -1 without steps. */
    long last() {
        return size() == 0 ? -1 : (long) step.get(size() - 1);
    }
}
