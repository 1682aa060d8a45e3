package org.sparklora.driver.job.fts;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * The section {@code schedule} of a converted schedule.
 *
 * <p>The phase that follows one with {@code max_transition_epoch: 3} begins before epoch 3 at the latest, as an event of
 * {@code epoch: 3} takes effect and as {@code max_epochs: 3} ends a first phase. Ours counts epochs in each phase, FTS in
 * the run, so policy {@code plateau} takes over only limits that are equally far apart.
 */
final class FtsTiming {

    private final List<FtsSchedule.Phase> phases;

    /** Phases that have a group, in order. */
    private final List<Integer> groups;

    private final List<Integer> waiting;
    private final List<String> lines = new ArrayList<>();

    private FtsTiming(List<FtsSchedule.Phase> phases, List<Integer> groups) {
        this.phases = phases;
        this.groups = groups;
        this.waiting = groups.stream().filter(phase -> phase > 0).toList();
    }

    /** The group of a phase. */
    static String group(int phase) {
        return "phase" + phase;
    }

    /** The section's lines, comments included, without indentation. */
    static List<String> lines(List<FtsSchedule.Phase> phases, List<Integer> groups) {
        FtsTiming timing = new FtsTiming(phases, groups);
        timing.write();
        return timing.lines;
    }

    private void write() {
        int last = waiting.isEmpty() ? 0 : waiting.get(waiting.size() - 1);
        List<Integer> limited = IntStream.range(0, last)
                .filter(phase -> phases.get(phase).maxTransitionEpoch().isPresent())
                .boxed()
                .toList();
        if (last > 0 && limited.size() == last) {
            writeLimited();
        } else {
            limited.forEach(phase -> comment("max_transition_epoch " + limit(phase) + " of phase " + phase
                    + " is lost: policy plateau has a limit for all phases, or for none"));
            writePlateau(OptionalInt.empty());
        }
        phases.get(phases.size() - 1).maxTransitionEpoch().ifPresent(epoch -> {
            comment("FTS makes the run at least " + epoch + " epochs long (max_transition_epoch of the last phase):");
            comment("set training.num_train_epochs");
        });
    }

    /** Every group has an epoch before which it thaws at the latest. */
    private void writeLimited() {
        List<Integer> starts = waiting.stream().map(phase -> limit(phase - 1)).toList();
        int length = starts.get(0);
        boolean equal = IntStream.range(1, starts.size()).allMatch(i -> starts.get(i) - starts.get(i - 1) == length);
        if (equal) {
            if (starts.size() > 1) {
                comment(
                        "max_epochs counts in each phase, FTS in the run: there a phase that ends early leaves what it");
                comment("had left to the next one.");
            }
            comment(
                    "With epoch_transitions_only nothing else counts in FTS: then write policy: epochs, live as here, and");
            comment("events:");
            events(starts).forEach(event -> comment("  - " + event));
            writePlateau(OptionalInt.of(length));
        } else {
            comment(
                    "As with epoch_transitions_only. Without it FTS begins a phase earlier when validation stops improving;");
            comment(
                    "so does policy plateau, which has one max_epochs for all phases. Nor do events restore the best epoch.");
            lines.add("policy: epochs");
            writeLive();
            lines.add("events:");
            events(starts).forEach(event -> lines.add("  - " + event));
        }
    }

    private void writePlateau(OptionalInt maxEpochs) {
        for (int phase = 1; phase < groups.get(groups.size() - 1); phase++) {
            if (!groups.contains(phase)) {
                comment("phase " + phase + " has no group: one plateau less than in FTS comes before the next one");
            }
        }
        comment("FTSEarlyStopping's monitor, min_delta and patience are not in the file; in both the defaults are the");
        comment("validation loss, 0 and 3: set metric, min_delta and patience if yours differ");
        lines.add("policy: plateau");
        writeLive();
        lines.add("groups: [" + groups.stream().map(FtsTiming::group).collect(Collectors.joining(", ")) + "]");
        maxEpochs.ifPresent(epochs -> lines.add("max_epochs: " + epochs));
    }

    private void writeLive() {
        lines.add("live: [" + (groups.contains(0) ? group(0) : "") + "]");
    }

    private List<String> events(List<Integer> starts) {
        return IntStream.range(0, starts.size())
                .mapToObj(i -> "{epoch: " + starts.get(i) + ", thaw: [" + group(waiting.get(i)) + "]}")
                .toList();
    }

    private int limit(int phase) {
        return phases.get(phase).maxTransitionEpoch().orElseThrow();
    }

    private void comment(String text) {
        lines.add("# " + text);
    }
}
