package org.sparklora.driver.job.freeze;

import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.OptimizerStateOnThaw;

/**
 * The policy {@code plateau}: the next group, from the top down, thaws when a validation metric has stopped improving; when
 * it does so after the last thaw, the run ends.
 *
 * <p>The phases of Lightning's finetuning-scheduler ({@code FTSEarlyStopping}, {@code max_transition_epoch}, {@code
 * restore_best}). A phase is the epochs between two thaws. As there: an epoch improves when it beats the phase's best by
 * more than {@code min_delta}; {@code patience} epochs without that end the phase; the last phase knows no {@code
 * max_epochs}; the epoch counter never goes back. Unlike there: the best is looked for in each phase anew, so a phase is
 * never undone as a whole; and epochs are counted within the phase. When the run ends nothing is restored: which epoch's
 * adapter is the result is for {@code training.load_best_model_at_end} to say, as with any run.
 *
 * <p>The policy has no state: it computes the phases from the metrics of all epochs.
 *
 * @param restoreBest whether the next phase starts from the best epoch of the one that ends, not from its last; {@code
 *     min_delta} has no part in that
 */
public record ThawOnPlateau(List<String> live, List<String> groups, Watch watch, Phase phase, boolean restoreBest)
        implements FreezePolicy {

    /**
     * What counts as improvement.
     *
     * @param metric a validation metric; less is better as {@link EpochMetrics#lessIsBetter} has it
     * @param minDelta by how much more than this it must change, at least 0
     * @param patience epochs without improvement that end a phase, at least 1
     */
    public record Watch(String metric, double minDelta, int patience) {

        public Watch {
            if (!(minDelta >= 0) || patience < 1) {
                throw new IllegalArgumentException("plateau: min_delta=" + minDelta
                        + " must be at least 0, and patience=" + patience + " at least 1 epoch");
            }
        }

        /** The last of these epochs that was an improvement; the first of them is what others are measured by. */
        private EpochMetrics best(List<EpochMetrics> epochs) {
            EpochMetrics best = epochs.get(0);
            for (EpochMetrics epoch : epochs) {
                if (improves(epoch.validated(metric), best.validated(metric))) {
                    best = epoch;
                }
            }
            return best;
        }

        /** The first epoch with the best value, whatever min_delta is. */
        private EpochMetrics peak(List<EpochMetrics> epochs) {
            return new Watch(metric, 0, patience).best(epochs);
        }

        /** Any number improves on NaN, such as an AUC over a single class. */
        private boolean improves(double value, double best) {
            if (Double.isNaN(best)) {
                return !Double.isNaN(value);
            }
            return EpochMetrics.lessIsBetter(metric) ? value + minDelta < best : value - minDelta > best;
        }
    }

    /**
     * How long a phase lasts.
     *
     * @param minEpochs at least 1
     * @param maxEpochs a phase ends after that many epochs even while it improves, save the last; empty: no limit
     */
    public record Phase(int minEpochs, OptionalInt maxEpochs) {

        public Phase {
            if (minEpochs < 1 || maxEpochs.orElse(1) < 1) {
                throw new IllegalArgumentException("plateau: min_epochs=" + minEpochs + " and max_epochs="
                        + maxEpochs.orElse(1) + " must be at least 1 epoch");
            }
        }

        private boolean isFull(int epochs) {
            return maxEpochs.isPresent() && epochs >= maxEpochs.getAsInt();
        }
    }

    public ThawOnPlateau {
        live = List.copyOf(live);
        groups = List.copyOf(groups);
    }

    @Override
    public boolean needsMetrics() {
        return true;
    }

    @Override
    public FreezeDecision next(FreezeState now, StepPosition at, List<EpochMetrics> seen) {
        if (!at.startsEpoch() || at.epoch() == 0) {
            return FreezeDecision.goOn(now, List.of());
        }
        EpochMetrics.require(seen, at.epoch());
        List<String> waiting = waiting();
        CurrentPhase current = currentPhase(seen);
        List<EpochMetrics> epochs = seen.subList(current.start(), at.epoch());
        boolean last = current.thawed() == waiting.size();
        if (!ends(epochs, last)) {
            return FreezeDecision.goOn(now, List.of());
        }
        if (last) {
            return FreezeDecision.stop(now, reason(epochs) + "; no group is left to thaw, the run ends");
        }
        String group = waiting.get(current.thawed());
        EpochMetrics peak = watch.peak(epochs);
        boolean restores = restoreBest && peak.epoch() < at.epoch() - 1;
        String restored = restores
                ? "restore epoch " + peak.epoch() + ", " + watch.metric() + " " + peak.validated(watch.metric())
                        + ", and "
                : "";
        FreezeDecision decision = new DecisionBuilder(now, at)
                // A group that thaws for the first time has no moments.
                .thaw(group, OptimizerStateOnThaw.KEEP, reason(epochs) + "; " + restored + "thaw '" + group + "'")
                .decision();
        return restores ? decision.restoring(peak.epoch()) : decision;
    }

    /** The best epoch of the phase under way. */
    @Override
    public OptionalInt restorable(List<EpochMetrics> seen) {
        return restoreBest
                ? OptionalInt.of(watch.peak(seen.subList(currentPhase(seen).start(), seen.size()))
                        .epoch())
                : OptionalInt.empty();
    }

    /**
     * The phase that the last of the epochs belongs to.
     *
     * @param thawed groups that have thawed before it
     * @param start its first epoch
     */
    private record CurrentPhase(int thawed, int start) {}

    private CurrentPhase currentPhase(List<EpochMetrics> seen) {
        CurrentPhase at = new CurrentPhase(0, 0);
        for (int epoch = 1; epoch < seen.size() && at.thawed < waiting().size(); epoch++) {
            if (ends(seen.subList(at.start, epoch), false)) {
                at = new CurrentPhase(at.thawed + 1, epoch);
            }
        }
        return at;
    }

    /** Whether a phase of these epochs is over. */
    private boolean ends(List<EpochMetrics> epochs, boolean last) {
        return plateaued(epochs) || (!last && phase.isFull(epochs.size()));
    }

    private boolean plateaued(List<EpochMetrics> epochs) {
        int since = epochs.get(epochs.size() - 1).epoch() - watch.best(epochs).epoch();
        return since >= watch.patience() && epochs.size() >= phase.minEpochs();
    }

    private String reason(List<EpochMetrics> epochs) {
        EpochMetrics best = watch.best(epochs);
        String found =
                "plateau: " + watch.metric() + " best " + best.validated(watch.metric()) + " at epoch " + best.epoch();
        if (!plateaued(epochs)) {
            return found + ", and the phase has run max_epochs " + epochs.size();
        }
        String reason = found + ", no improvement above min_delta " + watch.minDelta() + " for patience "
                + watch.patience() + (watch.patience() == 1 ? " epoch" : " epochs");
        return phase.minEpochs() > watch.patience() + 1
                ? reason + ", and the phase has run min_epochs " + phase.minEpochs()
                : reason;
    }

    @Override
    public FreezePolicy atTheEarliest() {
        return EpochSchedule.thawing(live, waiting(), group -> OptionalLong.of(earliest(group)));
    }

    @Override
    public FreezePolicy atTheLatest() {
        return EpochSchedule.thawing(live, waiting(), this::latest);
    }

    @Override
    public OptionalLong mayEndBefore() {
        long shortest = Math.min(plateau(), phase.maxEpochs().orElse(Integer.MAX_VALUE));
        return OptionalLong.of(waiting().size() * shortest + plateau());
    }

    /** The fewest epochs that can show a plateau. */
    private long plateau() {
        return Math.max(phase.minEpochs(), watch.patience() + 1L);
    }

    /** The first epoch before which one of {@link #groups} may thaw; 0 for one that is live at the start. */
    long earliest(String group) {
        return turn(group) * Math.min(plateau(), phase.maxEpochs().orElse(Integer.MAX_VALUE));
    }

    /** The epoch before which one of {@link #groups} has thawed at the latest; empty: it may never thaw. */
    OptionalLong latest(String group) {
        long turn = turn(group);
        return turn == 0 || phase.maxEpochs().isPresent()
                ? OptionalLong.of(turn * phase.maxEpochs().orElse(0))
                : OptionalLong.empty();
    }

    @Override
    public List<String> problems() {
        int maxEpochs = phase.maxEpochs().orElse(Integer.MAX_VALUE);
        return phase.minEpochs() <= maxEpochs
                ? List.of()
                : List.of("schedule.min_epochs=" + phase.minEpochs() + " is above schedule.max_epochs=" + maxEpochs
                        + "; lower the one or raise the other");
    }

    @Override
    public List<String> neverReached(RunLength length) {
        return groups.stream()
                .filter(group -> earliest(group) >= length.epochs())
                .map(group -> "plateau: group '" + group + "' never thaws: its turn is before epoch " + earliest(group)
                        + " at the earliest, beyond the run's " + length.epochs() + " epochs, which count from 0")
                .toList();
    }
}
