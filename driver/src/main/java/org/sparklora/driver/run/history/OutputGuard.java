package org.sparklora.driver.run.history;

import java.io.IOException;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;

/** Keeps a new run from writing over another one, and {@code --overwrite} from deleting what no run wrote. */
public final class OutputGuard {

    /** Where the run is shown besides. */
    public static final String TRACKING = "tracking.json";

    /** Everything that a run writes into its directory. */
    public static final Set<String> RUN_FILES = Set.of(
            "config.yaml",
            "manifest.json",
            RunHistory.FILE,
            RunStatus.FILE,
            TRACKING,
            "adapter",
            "checkpoints",
            "report.html");

    /** Any of these: a run is here and must not be mixed with another. */
    private static final Set<String> HOLDS_A_RUN = Set.of("config.yaml", RunHistory.FILE, "adapter", "checkpoints");

    /** Any of these: a run wrote here. Not config.yaml or adapter, names that a person's own folder may well have. */
    private static final Set<String> RUN_MARKERS = Set.of("manifest.json", RunHistory.FILE, RunStatus.FILE);

    private OutputGuard() {}

    /** Whether a run is here. One that failed before it started, and left no more than its status, is none. */
    public static boolean holdsRun(RunDirectory directory) throws IOException {
        return !Collections.disjoint(directory.list(), HOLDS_A_RUN);
    }

    /** Refuses a directory that holds a run. Not for a resumed run, which continues one. */
    public static void refuseOtherRun(RunDirectory directory) throws IOException {
        if (holdsRun(directory)) {
            throw new OutputException(
                    directory.location() + " holds another run; give --overwrite or another --output");
        }
    }

    /** Refuses a directory that holds anything, for what is to be a whole model by itself. */
    public static void refuseNonEmpty(RunDirectory directory) throws IOException {
        SortedSet<String> found = directory.list();
        if (!found.isEmpty()) {
            throw new OutputException(directory.location() + " is not empty (" + named(found)
                    + "); give a new or an empty directory as --output");
        }
    }

    /** Refuses a directory of foreign files that no run ever wrote to. */
    public static void refuseForeign(RunDirectory directory) throws IOException {
        SortedSet<String> found = directory.list();
        TreeSet<String> foreign = new TreeSet<>(found);
        foreign.removeAll(RUN_FILES);
        if (!foreign.isEmpty() && Collections.disjoint(found, RUN_MARKERS)) {
            throw new OutputException(directory.location() + " holds files that no run wrote (" + named(foreign)
                    + ") and no run; --overwrite clears runs only: give another --output");
        }
    }

    /** Clears what a run wrote and nothing else; refuses like {@link #refuseForeign}. */
    public static void overwrite(RunDirectory directory) throws IOException {
        refuseForeign(directory);
        SortedSet<String> found = directory.list();
        found.retainAll(RUN_FILES);
        // The markers go last: when this is interrupted, what is left still shows that a run wrote here.
        for (String name : found) {
            if (!RUN_MARKERS.contains(name)) {
                directory.delete(name);
            }
        }
        for (String name : found) {
            directory.delete(name);
        }
    }

    private static String named(SortedSet<String> names) {
        List<String> first = names.stream().limit(3).toList();
        return String.join(", ", first) + (names.size() > first.size() ? ", …" : "");
    }
}
