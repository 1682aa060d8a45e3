package org.sparklora.driver.run.checkpoint;

import java.util.Comparator;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.sparklora.driver.run.loop.TrainingCheckpoint;

/**
 * Name of a checkpoint's folder: {@code epoch-00003} after three epochs, {@code epoch-00003-step-00000120} after 120 steps
 * of the run within the fourth epoch.
 *
 * <p>Object stores cannot keep two processes from writing the same files. There, a process after the first adds its fencing
 * number, {@code epoch-00003.000002}, and its checkpoints come after all earlier ones. Else sorted in the order of the run.
 *
 * @param step steps of the whole run if within an epoch; 0 at an epoch's end
 * @param fencingNumber 0 if it is not part of the name
 */
public record CheckpointName(int epochsDone, long step, int fencingNumber) implements Comparable<CheckpointName> {

    private static final Pattern FORM = Pattern.compile("epoch-(\\d{5,9})(?:-step-(\\d{8,18}))?(?:\\.(\\d{6}))?");
    private static final Comparator<CheckpointName> ORDER = Comparator.comparingInt(CheckpointName::fencingNumber)
            .thenComparingInt(CheckpointName::epochsDone)
            .thenComparingLong(CheckpointName::step);

    static CheckpointName of(TrainingCheckpoint point, int fencingNumber) {
        long step = point.progress().stepsDone() == 0 ? 0 : point.stepsDone();
        return new CheckpointName(point.epochsDone(), step, fencingNumber);
    }

    /** Parses a folder's name; empty if it is not that of a checkpoint. */
    static Optional<CheckpointName> parse(String folder) {
        Matcher form = FORM.matcher(folder);
        if (!form.matches()) {
            return Optional.empty();
        }
        long step = form.group(2) == null ? 0 : Long.parseLong(form.group(2));
        int number = form.group(3) == null ? 0 : Integer.parseInt(form.group(3));
        return Optional.of(new CheckpointName(Integer.parseInt(form.group(1)), step, number));
    }

    /** Whether both are of one moment of the run. */
    boolean isAt(int epochs, long steps) {
        return epochsDone == epochs && step == steps;
    }

    @Override
    public int compareTo(CheckpointName other) {
        return ORDER.compare(this, other);
    }

    /** The folder. */
    @Override
    public String toString() {
        String epoch = String.format(Locale.ROOT, "epoch-%05d", epochsDone);
        return epoch
                + (step == 0 ? "" : String.format(Locale.ROOT, "-step-%08d", step))
                + (fencingNumber == 0 ? "" : String.format(Locale.ROOT, ".%06d", fencingNumber));
    }
}
