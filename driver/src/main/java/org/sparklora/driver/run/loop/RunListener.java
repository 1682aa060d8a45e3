package org.sparklora.driver.run.loop;

import java.util.List;
import java.util.SortedMap;
import org.sparklora.driver.job.freeze.EpochMetrics;
import org.sparklora.driver.job.freeze.StepPosition;
import org.sparklora.driver.job.freeze.Transition;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.contract.Padding;
import org.sparklora.worker.contract.StepProgress;
import org.sparklora.worker.train.StepReport;

/**
 * Receives the events of a run, for its history and its progress display. Called from the driver's thread, in order, except
 * for {@link #underWay} and {@link #cachingProgressed}, which any thread may call. By default, an event is ignored.
 */
public interface RunListener {

    /** A group froze or thawed. */
    default void moved(StepPosition at, Transition transition) {}

    /** An event declared a group, which is dormant until an event thaws it. */
    default void added(StepPosition at, String group, String reason) {}

    /** Values, moments and step counts are those of the end of an earlier epoch again. */
    default void restored(StepPosition at, int epoch, String reason) {}

    /** The policy ends the run before an epoch. */
    default void stopped(StepPosition at, String reason) {}

    /**
     * An epoch begins.
     *
     * @param reason why the groups are in their states
     */
    default void epochStarts(EpochPlan plan, String reason) {}

    /**
     * A resumed run continues an epoch whose start an earlier run reported.
     *
     * @param stepsDone steps of the epoch that the earlier run did
     */
    default void epochResumes(EpochPlan plan, int stepsDone) {}

    /** A step of a running segment is done, but not yet committed; a failure may repeat it. */
    default void underWay(int epoch, StepProgress step) {}

    /** Consecutive steps are committed: one, or those of a whole segment. */
    default void stepsDone(int epoch, List<StepReport> reports) {}

    /** An epoch is done, validation included. */
    default void epochEnds(EpochResult result) {}

    /**
     * Steps failed and will be repeated from the last committed state.
     *
     * @param step global number of the first step to repeat
     * @param attempt consecutive failures, from 1
     */
    default void failed(int epoch, long step, int attempt, String message) {}

    /** Fewer task slots are there than wanted, so the run waits for executors. */
    default void waits(int epoch, long step, int slots, int wanted) {}

    /** The wait is over, because enough slots are there or its time is. */
    default void waited(int epoch, long step, int slots, int wanted, double seconds) {}

    /** The cluster took an executor, of which this thread knows now. Spark may have repeated its tasks already. */
    default void executorLost(LostExecutor lost) {}

    /** Ranks waited for a slow one in the steps of an epoch, or of a plan within it. */
    default void slow(int epoch, SlowRank rank) {}

    /** The steps that had failed are done. */
    default void recovered(int epoch, long step, int ranks) {}

    /** The frozen trunk is about to run once. */
    default void cachingStarted(CacheStats stats) {}

    /** The activations of this many rows are cached. */
    default void cachingProgressed(CacheStats stats, long rows) {}

    /** All activations are cached, {@code seconds} of wall clock after {@link #cachingStarted}. */
    default void cachingFinished(CacheStats stats, double seconds) {}

    /**
     * The outcome of an epoch.
     *
     * @param padding of its steps
     * @param seconds durations by part, {@code total} included
     */
    record EpochResult(EpochMetrics metrics, Padding padding, SortedMap<String, Double> seconds) {}

    /**
     * A rank that the others waited for.
     *
     * @param host its host
     * @param rank its number in the last segment in which it was the slowest
     * @param shards that it computed there
     * @param seconds that it computed longer than the middle rank
     */
    record SlowRank(String host, int rank, int shards, double seconds) {}

    /**
     * The cached activations of training and validation rows.
     *
     * @param epoch first epoch that uses them
     * @param entering name of the layer whose input is cached
     * @param bytes of all of it
     * @param storage {@code memory} or {@code disk}; results do not depend on it
     */
    record CacheStats(int epoch, String entering, long rows, long bytes, String precision, String storage) {}
}
