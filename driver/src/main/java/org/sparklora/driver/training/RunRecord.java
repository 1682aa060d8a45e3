package org.sparklora.driver.training;

import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.sparklora.driver.job.freeze.EpochMetrics;
import org.sparklora.driver.job.freeze.RunLength;
import org.sparklora.driver.job.freeze.StepPosition;
import org.sparklora.driver.job.freeze.Transition;
import org.sparklora.driver.job.plan.EpochWork;
import org.sparklora.driver.job.text.Bytes;
import org.sparklora.driver.run.history.HistoryEvent;
import org.sparklora.driver.run.history.HistoryEvent.GroupChange;
import org.sparklora.driver.run.history.OutputException;
import org.sparklora.driver.run.history.RunHistory;
import org.sparklora.driver.run.loop.LostExecutor;
import org.sparklora.driver.run.loop.RunListener;
import org.sparklora.driver.watch.progress.Progress;
import org.sparklora.driver.watch.progress.ProgressLine.Position;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.contract.StepProgress;
import org.sparklora.worker.train.RankAllocation;
import org.sparklora.worker.train.StepReport;

/** Writes the events of a run into its history and shows them. Publishes at the end of each epoch and once a minute. */
final class RunRecord implements RunListener, AutoCloseable {

    private static final Duration PUBLISH_EVERY = Duration.ofSeconds(60);

    private final RunOutput output;
    private final RunHistory history;
    private final EpochWork work;
    private final Progress progress;
    private final Clock clock;
    private final int epochs;
    private final RunLength length;
    private final List<EpochMetrics> seen;
    private boolean stopped;
    private Instant published;

    /**
     * The record of one run.
     *
     * @param work counts the work of each epoch
     * @param length for the progress line
     */
    RunRecord(RunOutput output, EpochWork work, Progress progress, Clock clock, RunLength length) {
        this.output = output;
        this.history = output.history();
        this.work = work;
        this.progress = progress;
        this.clock = clock;
        this.epochs = length.epochs();
        this.length = length;
        this.seen = new ArrayList<>(output.seen());
        this.published = clock.instant();
    }

    /** Metrics of all finished epochs of the run. */
    List<EpochMetrics> seen() {
        return List.copyOf(seen);
    }

    /** Whether the policy has ended the run. */
    boolean isStopped() {
        return stopped;
    }

    @Override
    public void moved(StepPosition at, Transition transition) {
        GroupChange change = transition.isThaw() ? GroupChange.THAW : GroupChange.FREEZE;
        changed(at, change, transition.group(), transition.reason());
    }

    @Override
    public void added(StepPosition at, String group, String reason) {
        changed(at, GroupChange.ADD, group, reason);
    }

    private void changed(StepPosition at, GroupChange change, String group, String reason) {
        history.append(HistoryEvent.group(change, at.epoch(), at.step(), group, reason));
        progress.groupChange(at(at.epoch(), at.step()), change, group, reason);
    }

    @Override
    public void restored(StepPosition at, int epoch, String reason) {
        history.append(HistoryEvent.restore(at.epoch(), epoch, reason));
        note("epoch %d/%d restores the state after epoch %d (%s)", at.epoch(), epochs, epoch, reason);
    }

    @Override
    public void stopped(StepPosition at, String reason) {
        stopped = true;
        history.append(HistoryEvent.stop(at.epoch(), reason));
        note("stopping before epoch %d/%d (%s)", at.epoch(), epochs, reason);
    }

    @Override
    public void epochStarts(EpochPlan plan, String reason) {
        String cache = (plan.cache().isOn() ? "on: " : "off: ") + plan.cache().reason();
        history.append(HistoryEvent.epochStart(
                plan.epoch(), plan.freeze(), plan.freezePlan().trainableParameters(), cache, reason));
        epochResumes(plan, 0);
    }

    /** Only shown, because the history has the start of this epoch already. */
    @Override
    public void epochResumes(EpochPlan plan, int stepsDone) {
        progress.epochStart(
                at(plan.epoch(), stepsDone), plan.freeze(), plan.freezePlan().trainableParameters());
    }

    @Override
    public void stepsDone(int epoch, List<StepReport> reports) {
        int examples = 0;
        for (StepReport report : reports) {
            history.append(event(epoch, report));
            RankAllocation ranks = report.ranks();
            if (ranks != null) {
                history.append(HistoryEvent.ranks(epoch, report.step(), ranks.budget(), ranks.kept()));
            }
            examples += report.examples();
        }
        StepReport last = reports.get(reports.size() - 1);
        progress.step(after(epoch, last.step()), last.loss(), last.gradNorm(), examples);
        if (Duration.between(published, clock.instant()).compareTo(PUBLISH_EVERY) >= 0) {
            publish();
        }
    }

    /** Only shown. {@link #stepsDone} records the steps. */
    @Override
    public void underWay(int epoch, StepProgress step) {
        progress.underWay(after(epoch, step.step()), step.loss(), step.gradNorm(), step.examples());
    }

    private static HistoryEvent event(int epoch, StepReport report) {
        Map<String, Float> norms = new TreeMap<>();
        Map<String, Double> rates = new TreeMap<>();
        report.groups().forEach((group, mine) -> {
            norms.put(group, mine.gradNorm());
            rates.put(group, mine.learningRate());
        });
        return HistoryEvent.step(
                epoch,
                report.step(),
                report.loss(),
                report.examples(),
                new HistoryEvent.GradientNorms(report.gradNorm(), norms),
                rates);
    }

    @Override
    public void epochEnds(EpochResult result) {
        EpochMetrics metrics = result.metrics();
        seen.add(metrics);
        history.append(HistoryEvent.epochEnd(
                metrics, result.padding(), result.seconds(), work.count(metrics, result.padding())));
        publish();
        progress.epochEnd(
                at(metrics.epoch(), length.stepsIn(metrics.epoch())),
                metrics.trainLoss(),
                result.padding().share(),
                metrics.validation());
        output.epochEnded();
    }

    @Override
    public void cachingStarted(CacheStats what) {
        note(
                "epoch %d/%d caching activations below %s for %,d rows: %s of %s in %s",
                what.epoch(),
                epochs,
                what.entering(),
                what.rows(),
                Bytes.text(what.bytes()),
                what.precision(),
                what.storage());
    }

    @Override
    public void cachingProgressed(CacheStats what, long rows) {
        note("epoch %d/%d cached %,d/%,d rows", what.epoch(), epochs, rows, what.rows());
    }

    @Override
    public void cachingFinished(CacheStats what, double seconds) {
        history.append(HistoryEvent.cached(what, seconds));
        progress.cached(
                String.format(Locale.ROOT, "epoch %d/%d cached activations in %.1f s", what.epoch(), epochs, seconds));
    }

    @Override
    public void failed(int epoch, long step, int attempt, String message) {
        history.append(HistoryEvent.failure(epoch, step, attempt, message));
        publish();
        note("epoch %d failure %d at step %d: %s", epoch, attempt, step, message);
    }

    @Override
    public void recovered(int epoch, long step, int ranks) {
        history.append(HistoryEvent.recovered(epoch, step, ranks));
        publish();
        note("epoch %d continues from step %d with %d ranks", epoch, step, ranks);
    }

    @Override
    public void executorLost(LostExecutor lost) {
        history.append(HistoryEvent.executorLost(lost));
        publish();
        note(
                "executor %s on %s is lost in %s, with %.0f s of work: %s",
                lost.executor(), lost.host(), lost.phase().label(), lost.seconds(), lost.reason());
    }

    @Override
    public void waits(int epoch, long step, int slots, int wanted) {
        note("epoch %d waits for executors at step %d: %d of %d task slots are there", epoch, step, slots, wanted);
    }

    @Override
    public void waited(int epoch, long step, int slots, int wanted, double seconds) {
        history.append(HistoryEvent.waited(epoch, step, slots, wanted, seconds));
        publish();
        note("epoch %d continues at step %d with %d task slots, after %.0f s", epoch, step, slots, seconds);
    }

    @Override
    public void slow(int epoch, SlowRank rank) {
        history.append(HistoryEvent.slow(epoch, rank));
        note(
                "epoch %d waited %.0f s for rank %d on %s, which is slow; it computes %d shards",
                epoch, rank.seconds(), rank.rank(), rank.host(), rank.shards());
    }

    private void note(String format, Object... values) {
        progress.note(String.format(Locale.ROOT, format, values));
    }

    /** Makes all events so far readable in the run directory. */
    private void publish() {
        try {
            history.commit();
        } catch (IOException e) {
            throw OutputException.writing("the history", e);
        }
        published = clock.instant();
    }

    /** Publishes the rest, such as the steps before a failure. */
    @Override
    public void close() {
        publish();
    }

    /** Before a step of an epoch. */
    private Position at(int epoch, int epochStep) {
        return new Position(epoch, epochs, Math.toIntExact(length.stepsUntil(epoch)) + epochStep, steps());
    }

    /** After a step of the run. */
    private Position after(int epoch, long step) {
        return new Position(epoch, epochs, Math.toIntExact(step) + 1, steps());
    }

    private int steps() {
        return Math.toIntExact(length.steps());
    }
}
