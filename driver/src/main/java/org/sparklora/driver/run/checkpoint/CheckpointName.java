package org.sparklora.driver.run.checkpoint;

import java.util.Comparator;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.sparklora.driver.run.loop.TrainingCheckpoint;

/**
 * Name of a checkpoint's folder: {@code epoch-00003} after three epochs, {@code epoch-00003-step-00000120} after 120 steps
 * of the run within the fourth epoch. Sorted in the order of the run.
 *
 * @param step steps of the whole run if within an epoch; 0 at an epoch's end
 */
public record CheckpointName(int epochsDone, long step) implements Comparable<CheckpointName> {

    private static final Pattern FORM = Pattern.compile("epoch-(\\d{5,9})(?:-step-(\\d{8,18}))?");
    private static final Comparator<CheckpointName> ORDER =
            Comparator.comparingInt(CheckpointName::epochsDone).thenComparingLong(CheckpointName::step);

    static CheckpointName of(TrainingCheckpoint point) {
        return new CheckpointName(point.epochsDone(), point.progress().stepsDone() == 0 ? 0 : point.stepsDone());
    }

    /** Parses a folder's name; empty if it is not that of a checkpoint. */
    static Optional<CheckpointName> parse(String folder) {
        Matcher form = FORM.matcher(folder);
        if (!form.matches()) {
            return Optional.empty();
        }
        long step = form.group(2) == null ? 0 : Long.parseLong(form.group(2));
        return Optional.of(new CheckpointName(Integer.parseInt(form.group(1)), step));
    }

    @Override
    public int compareTo(CheckpointName other) {
        return ORDER.compare(this, other);
    }

    /** The folder. */
    @Override
    public String toString() {
        String epoch = String.format(Locale.ROOT, "epoch-%05d", epochsDone);
        return step == 0 ? epoch : epoch + String.format(Locale.ROOT, "-step-%08d", step);
    }
}
