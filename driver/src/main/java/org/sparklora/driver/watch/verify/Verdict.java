package org.sparklora.driver.watch.verify;

import java.util.ArrayList;
import java.util.List;

/**
 * The outcome of a comparison.
 *
 * @param differences in the order of the run, the place where the runs part first; empty when they are the same
 * @param summary what is the same, one line; of use when there is no difference
 * @param notes what may explain a difference and is none by itself: seeds, configuration, machine
 */
public record Verdict(List<String> differences, String summary, List<String> notes) {

    public Verdict {
        differences = List.copyOf(differences);
        notes = List.copyOf(notes);
    }

    /** Whether nothing that counts differs; notes may. */
    public boolean same() {
        return differences.isEmpty();
    }

    /** What stdout gets: one line for equal runs, else where they part first, and what follows from there. */
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
