package org.sparklora.driver.job.fts;

import java.nio.file.Path;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/**
 * A schedule file of Lightning's finetuning-scheduler (FTS): which parameters learn from which phase on.
 *
 * <p>A phase adds its parameters to those that learn already. Before an epoch, counted from 0, the next phase begins if
 * validation has stopped improving ({@code FTSEarlyStopping}), or if that epoch is the {@code max_transition_epoch} of the
 * phase or a later one; with {@code epoch_transitions_only}, which is no part of the file, only then. The last phase ends
 * with the run. Source: finetuning-scheduler 2.14, {@code should_transition} in {@code fts.py} and {@code
 * ScheduleParsingMixin} in {@code fts_supporters.py}.
 *
 * @param file where it was read, for messages
 * @param phases from phase 0 on, none left out
 */
public record FtsSchedule(String file, List<Phase> phases) {

    public FtsSchedule {
        phases = List.copyOf(phases);
    }

    /**
     * One phase.
     *
     * @param params in the file's order: the name of a parameter, or a regular expression on the beginning of names
     * @param maxTransitionEpoch the epoch before which the next phase begins at the latest, counted from the start of the
     *     run; empty where the file has none, or -1
     * @param lr learning rate of the phase's parameters, above 0
     * @param reinitialised keys of the phase that give the run another optimizer or scheduler
     */
    public record Phase(
            int number,
            List<String> params,
            OptionalInt maxTransitionEpoch,
            OptionalDouble lr,
            List<String> reinitialised) {

        public Phase {
            params = List.copyOf(params);
            reinitialised = List.copyOf(reinitialised);
        }
    }

    /**
     * Reads and checks a file.
     *
     * @throws org.sparklora.driver.job.config.ConfigException naming every problem
     */
    public static FtsSchedule read(Path file) {
        return FtsScheduleReader.read(file);
    }
}
