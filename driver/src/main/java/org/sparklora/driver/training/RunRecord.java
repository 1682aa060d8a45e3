package org.sparklora.driver.training;

import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.sparklora.driver.job.freeze.EpochMetrics;
import org.sparklora.driver.job.freeze.StepPosition;
import org.sparklora.driver.job.freeze.Transition;
import org.sparklora.driver.job.plan.EpochWork;
import org.sparklora.driver.job.text.Bytes;
import org.sparklora.driver.run.history.HistoryEvent;
import org.sparklora.driver.run.history.HistoryEvent.EpochStart.Cost;
import org.sparklora.driver.run.history.HistoryEvent.GroupChange;
import org.sparklora.driver.run.history.OutputException;
import org.sparklora.driver.run.history.RunHistory;
import org.sparklora.driver.run.loop.CacheListener;
import org.sparklora.driver.run.loop.FailureListener;
import org.sparklora.driver.run.loop.ProgressListener;
import org.sparklora.driver.run.loop.RunListener;
import org.sparklora.driver.watch.progress.Progress;
import org.sparklora.driver.watch.progress.ProgressLine.Position;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.contract.StepProgress;
import org.sparklora.worker.train.StepReport;

/** Writes what happens into the history, and shows it. Publishes at every epoch's end and once a minute. */
public final class RunRecord implements RunListener, FailureListener, CacheListener, ProgressListener, AutoCloseable {

    private static final Duration PUBLISH_EVERY = Duration.ofSeconds(60);

    private final RunHistory history;
    private final Progress progress;
    private final Clock clock;
    private final int epochs;
    private final int stepsPerEpoch;
    private final Report reporting;
    private Instant published;

    /**
     * What belongs to the report of a run.
     *
     * @param work counts the work of each epoch
     * @param afterEpoch runs when an epoch's end is published
     */
    public record Report(EpochWork work, Runnable afterEpoch) {}

    /**
     * The record of one run.
     *
     * @param epochs of the whole run, for the line of progress
     * @param stepsPerEpoch likewise
     */
    public RunRecord(
            RunHistory history, Progress progress, Clock clock, int epochs, int stepsPerEpoch, Report reporting) {
        this.history = history;
        this.progress = progress;
        this.clock = clock;
        this.epochs = epochs;
        this.stepsPerEpoch = stepsPerEpoch;
        this.reporting = reporting;
        this.published = clock.instant();
    }

    @Override
    public void moved(StepPosition at, Transition transition) {
        GroupChange.Kind kind = transition.isThaw() ? GroupChange.Kind.THAW : GroupChange.Kind.FREEZE;
        changed(at, new GroupChange(kind, at.epoch(), at.step(), transition.group(), transition.reason()));
    }

    @Override
    public void added(StepPosition at, String group, String reason) {
        changed(at, new GroupChange(GroupChange.Kind.ADD, at.epoch(), at.step(), group, reason));
    }

    private void changed(StepPosition at, GroupChange change) {
        history.append(change);
        progress.groupChange(at(at.epoch(), at.step()), change);
    }

    @Override
    public void restored(StepPosition at, int epoch, String reason) {
        history.append(new HistoryEvent.Restore(at.epoch(), epoch, reason));
        progress.note("epoch " + at.epoch() + "/" + epochs + " goes on from the state after epoch " + epoch + " ("
                + reason + ")");
    }

    @Override
    public void stopped(StepPosition at, String reason) {
        history.append(new HistoryEvent.Stop(at.epoch(), reason));
        progress.note("stops before epoch " + at.epoch() + "/" + epochs + " (" + reason + ")");
    }

    @Override
    public void epochStarts(EpochPlan plan, String reason) {
        String cache = (plan.cache().isOn() ? "on: " : "off: ") + plan.cache().reason();
        history.append(new HistoryEvent.EpochStart(plan.epoch(), plan.freeze(), cost(plan), cache, reason));
        progress.epochStart(at(plan.epoch(), 0), plan.freeze(), cost(plan));
    }

    /** Shown only: the history has the epoch's beginning already. */
    @Override
    public void epochResumes(EpochPlan plan, int stepsDone) {
        progress.epochStart(at(plan.epoch(), stepsDone), plan.freeze(), cost(plan));
    }

    private static Cost cost(EpochPlan plan) {
        int trainableParameters = plan.freezePlan().trainableParameters();
        return new Cost(trainableParameters, (long) trainableParameters * Float.BYTES);
    }

    @Override
    public void stepsDone(int epoch, List<StepReport> reports) {
        int examples = 0;
        for (StepReport report : reports) {
            history.append(event(epoch, report));
            examples += report.examples();
        }
        StepReport last = reports.get(reports.size() - 1);
        progress.step(after(epoch, last.step()), last.loss(), last.gradNorm(), examples);
        if (Duration.between(published, clock.instant()).compareTo(PUBLISH_EVERY) >= 0) {
            publish();
        }
    }

    /** Shown only: what counts is told by {@link #stepsDone}. */
    @Override
    public void underWay(int epoch, StepProgress step) {
        progress.underWay(after(epoch, step.step()), step.loss(), step.gradNorm(), step.examples());
    }

    private static HistoryEvent.Step event(int epoch, StepReport report) {
        Map<String, Float> norms = new TreeMap<>();
        Map<String, Double> rates = new TreeMap<>();
        report.groups().forEach((group, mine) -> {
            norms.put(group, mine.gradNorm());
            rates.put(group, mine.learningRate());
        });
        return new HistoryEvent.Step(
                new HistoryEvent.Step.At(epoch, Math.toIntExact(report.step())),
                report.loss(),
                report.examples(),
                new HistoryEvent.Step.GradientNorms(report.gradNorm(), norms),
                rates);
    }

    @Override
    public void epochEnds(EpochResult result) {
        EpochMetrics metrics = result.metrics();
        history.append(new HistoryEvent.EpochEnd(
                metrics.epoch(),
                metrics.trainLoss(),
                metrics.validation(),
                metrics.gradientNorms(),
                result.padding(),
                result.seconds(),
                reporting.work().count(metrics, result.padding())));
        publish();
        progress.epochEnd(
                at(metrics.epoch(), stepsPerEpoch),
                metrics.trainLoss(),
                result.padding().share(),
                metrics.validation());
        reporting.afterEpoch().run();
    }

    @Override
    public void cachingStarted(CacheStats what) {
        progress.note(String.format(
                Locale.ROOT,
                "epoch %d/%d keeps what enters %s of %,d rows: %s of %s in %s",
                what.epoch(),
                epochs,
                what.entering(),
                what.rows(),
                Bytes.text(what.bytes()),
                what.precision(),
                what.storage()));
    }

    @Override
    public void cachingProgressed(CacheStats what, long rows) {
        progress.note(
                String.format(Locale.ROOT, "epoch %d/%d keeps %,d/%,d rows", what.epoch(), epochs, rows, what.rows()));
    }

    @Override
    public void cachingFinished(CacheStats what, double seconds) {
        history.append(new HistoryEvent.Kept(
                what.epoch(),
                new HistoryEvent.Kept.Size(what.entering(), what.rows(), what.bytes(), what.precision()),
                what.storage(),
                seconds));
        progress.kept(String.format(Locale.ROOT, "epoch %d/%d kept them in %.1f s", what.epoch(), epochs, seconds));
    }

    @Override
    public void failed(int epoch, long step, int attempt, String message) {
        trouble(false, new TreeMap<>(Map.of("epoch", epoch, "step", step, "attempt", attempt, "message", message)));
        progress.note("epoch " + epoch + " failure " + attempt + " at step " + step + ": " + message);
    }

    @Override
    public void recovered(int epoch, long step, int ranks) {
        trouble(true, new TreeMap<>(Map.of("epoch", epoch, "step", step, "ranks", ranks)));
        progress.note("epoch " + epoch + " goes on from step " + step + " with " + ranks + " ranks");
    }

    private void trouble(boolean recovered, SortedMap<String, Object> details) {
        history.append(new HistoryEvent.Trouble(recovered, details));
        publish();
    }

    /** Makes everything so far readable in the run directory. */
    public void publish() {
        try {
            history.commit();
        } catch (IOException e) {
            throw OutputException.writing("the history", e);
        }
        published = clock.instant();
    }

    /** Publishes what is left: steps that were done before a failure are part of the story. */
    @Override
    public void close() {
        publish();
    }

    /** Before a step of an epoch. */
    private Position at(int epoch, int epochStep) {
        return new Position(epoch, epochs, epoch * stepsPerEpoch + epochStep, epochs * stepsPerEpoch);
    }

    /** After a step of the run. */
    private Position after(int epoch, long step) {
        return new Position(epoch, epochs, Math.toIntExact(step) + 1, epochs * stepsPerEpoch);
    }
}
