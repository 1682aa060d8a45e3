package org.sparklora.driver.watch.verify;

import java.util.ArrayList;
import java.util.List;

/**
 * The result of a comparison.
 *
 * @param differences in the order of the run, the first one first; empty if the runs are the same
 * @param summary of what is the same, in one line
 * @param notes what may explain a difference but is not one: seeds, configuration, machine
 */
public record Verdict(List<String> differences, String summary, List<String> notes) {

    public Verdict {
        differences = List.copyOf(differences);
        notes = List.copyOf(notes);
    }

    /** Whether there is no difference; notes do not count. */
    public boolean same() {
        return differences.isEmpty();
    }

    /** The lines for stdout: one line for equal runs, otherwise the differences in order. */
    public List<String> lines() {
        if (same()) {
            return List.of("same: " + summary);
        }
        List<String> lines = new ArrayList<>();
        for (String difference : differences) {
            lines.add((lines.isEmpty() ? "different: " : "then: ") + difference);
        }
        return lines;
    }
}
