package org.sparklora.driver.watch.report;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.SortedMap;
import java.util.TreeMap;

/** The optimizer steps of a run as columns of numbers: their events would take ten times the memory. */
final class Steps {

    private final Floats step = new Floats();
    private final Floats loss = new Floats();
    private final Floats norm = new Floats();
    private final SortedMap<String, Floats> groupNorm = new TreeMap<>();
    private final SortedMap<String, Floats> groupRate = new TreeMap<>();

    void add(JsonNode event) {
        int at = loss.size();
        // A float counts exactly to 16 million.
        step.add((float) event.path("step").asLong());
        loss.add((float) Json.number(event.path("loss")));
        norm.add((float) Json.number(event.path("grad_norm")));
        put(groupNorm, event.path("group_grad_norm"), at);
        put(groupRate, event.path("learning_rate"), at);
    }

    private static void put(SortedMap<String, Floats> columns, JsonNode values, int at) {
        values.fields().forEachRemaining(e -> {
            Floats column = columns.computeIfAbsent(e.getKey(), group -> new Floats());
            column.fillTo(at);
            column.add((float) Json.number(e.getValue()));
        });
    }

    int size() {
        return loss.size();
    }

    /** Global number of the step at a place. */
    double step(int index) {
        return step.get(index);
    }

    Floats loss() {
        return loss;
    }

    /** Norm of the whole gradient, before clipping. */
    Floats norm() {
        return norm;
    }

    /** By group; not a number where the group was not live. */
    SortedMap<String, Floats> groupNorm() {
        return groupNorm;
    }

    /** By group; not a number where the group was not live. */
    SortedMap<String, Floats> groupRate() {
        return groupRate;
    }
}
