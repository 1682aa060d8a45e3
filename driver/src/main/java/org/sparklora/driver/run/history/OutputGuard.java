package org.sparklora.driver.run.history;

import java.io.IOException;
import java.util.Collections;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** Prevents a new run from overwriting another one, and {@code --overwrite} from deleting files that no run wrote. */
public final class OutputGuard {

    /** The runs on tracking servers that show this run. */
    public static final String TRACKING = "tracking.json";

    /** Everything that a run writes into its directory, without its lease: fencing numbers go on in a new run. */
    public static final Set<String> RUN_FILES = Set.of(
            "config.yaml",
            "manifest.json",
            RunHistory.FILE,
            StoredHistory.FOLDER,
            RunStatus.FILE,
            TRACKING,
            "adapter",
            "adapters",
            "checkpoints",
            "report.html");

    /** Any of these means that the directory holds a run. */
    private static final Set<String> HOLDS_A_RUN =
            Set.of("config.yaml", RunHistory.FILE, StoredHistory.FOLDER, "adapter", "adapters", "checkpoints");

    /** Any of these means that a run wrote here. Other folders may contain a config.yaml or an adapter, too. */
    private static final Set<String> RUN_MARKERS = Set.of("manifest.json", RunHistory.FILE, RunStatus.FILE);

    private OutputGuard() {}

    /** Whether the directory holds a run. A run that failed before it started leaves only its status and does not count. */
    public static boolean holdsRun(RunDirectory directory) throws IOException {
        return !Collections.disjoint(directory.list(), HOLDS_A_RUN);
    }

    /** Refuses a directory that holds a run. Do not call it for a resumed run. */
    public static void refuseOtherRun(RunDirectory directory) throws IOException {
        if (holdsRun(directory)) {
            throw new OutputException(
                    "output.occupied",
                    directory.location() + " already contains a run; use --resume, --overwrite or another --output");
        }
    }

    /** Refuses a directory that is not empty, for exports that fill a directory of their own. */
    public static void refuseNonEmpty(RunDirectory directory) throws IOException {
        SortedSet<String> found = directory.list();
        if (!found.isEmpty()) {
            throw new OutputException(
                    "output.not-empty",
                    directory.location() + " is not empty (" + named(found)
                            + "); choose a new or empty directory as --output");
        }
    }

    /** Refuses a directory with files that no run wrote, unless a run wrote there, too. */
    public static void refuseForeign(RunDirectory directory) throws IOException {
        SortedSet<String> found = directory.list();
        SortedSet<String> foreign = new TreeSet<>(found);
        foreign.removeAll(RUN_FILES);
        foreign.remove(Lease.FOLDER);
        if (!foreign.isEmpty() && Collections.disjoint(found, RUN_MARKERS)) {
            throw new OutputException(
                    "output.foreign",
                    directory.location() + " contains no run, but other files (" + named(foreign)
                            + "); --overwrite deletes only runs: choose another --output");
        }
    }

    /** Deletes what a run wrote and nothing else, after {@link #refuseForeign}. */
    public static void overwrite(RunDirectory directory) throws IOException {
        refuseForeign(directory);
        SortedSet<String> found = directory.list();
        found.retainAll(RUN_FILES);
        // Markers go last: an interrupted deletion still leaves a directory that shows a run wrote here.
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
        return names.stream().limit(3).collect(Collectors.joining(", ")) + (names.size() > 3 ? ", …" : "");
    }
}
