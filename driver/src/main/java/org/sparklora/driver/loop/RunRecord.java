package org.sparklora.driver.loop;

import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.TreeMap;
import org.sparklora.driver.freeze.Transition;
import org.sparklora.driver.report.HistoryEvent;
import org.sparklora.driver.report.HistoryEvent.EpochStart.Cost;
import org.sparklora.driver.report.HistoryEvent.GroupChange;
import org.sparklora.driver.report.OutputException;
import org.sparklora.driver.report.Progress;
import org.sparklora.driver.report.ProgressLine.Position;
import org.sparklora.driver.report.RunHistory;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.train.StepReport;

/** Writes what happens into the history, and shows it. Publishes at every epoch's end and once a minute. */
public final class RunRecord implements RunListener, AutoCloseable {

    private static final Duration PUBLISH_EVERY = Duration.ofSeconds(60);

    private final RunHistory history;
    private final Progress progress;
    private final Clock clock;
    private final int epochs;
    private final int stepsPerEpoch;
    private Instant published;

    public RunRecord(RunHistory history, Progress progress, Clock clock, int epochs, int stepsPerEpoch) {
        this.history = history;
        this.progress = progress;
        this.clock = clock;
        this.epochs = epochs;
        this.stepsPerEpoch = stepsPerEpoch;
        this.published = clock.instant();
    }

    @Override
    public void moved(int epoch, Transition transition) {
        GroupChange change = new GroupChange(
                transition.isThaw() ? GroupChange.Kind.THAW : GroupChange.Kind.FREEZE,
                epoch,
                transition.group(),
                transition.reason());
        history.append(change);
        progress.groupChange(at(epoch, 0), change);
    }

    @Override
    public void epochStarts(EpochPlan plan, int trainableParameters, String reason) {
        history.append(new HistoryEvent.EpochStart(plan.epoch(), plan.freeze(), cost(trainableParameters), reason));
        progress.epochStart(at(plan.epoch(), 0), plan.freeze(), cost(trainableParameters));
    }

    /** Shown only: the history has the epoch's beginning already. */
    @Override
    public void epochGoesOn(EpochPlan plan, int trainableParameters, int stepsDone) {
        progress.epochStart(at(plan.epoch(), stepsDone), plan.freeze(), cost(trainableParameters));
    }

    private static Cost cost(int trainableParameters) {
        return new Cost(trainableParameters, (long) trainableParameters * Float.BYTES);
    }

    @Override
    public void stepDone(int epoch, StepReport report) {
        Map<String, Float> norms = new TreeMap<>();
        Map<String, Double> rates = new TreeMap<>();
        report.groups().forEach((group, mine) -> {
            norms.put(group, mine.gradNorm());
            rates.put(group, mine.learningRate());
        });
        history.append(new HistoryEvent.Step(
                new HistoryEvent.Step.At(epoch, Math.toIntExact(report.step())),
                report.loss(),
                report.examples(),
                new HistoryEvent.Step.GradientNorms(report.gradNorm(), norms),
                rates));
        int done = Math.toIntExact(report.step() - (long) epoch * stepsPerEpoch) + 1;
        progress.step(at(epoch, done), report.loss(), report.examples());
        if (Duration.between(published, clock.instant()).compareTo(PUBLISH_EVERY) >= 0) {
            publish();
        }
    }

    @Override
    public void epochEnds(EpochResult result) {
        history.append(
                new HistoryEvent.EpochEnd(result.epoch(), result.trainLoss(), result.validation(), result.seconds()));
        publish();
        progress.epochEnd(at(result.epoch(), stepsPerEpoch), result.trainLoss(), result.validation());
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

    private Position at(int epoch, int stepsDone) {
        return new Position(epoch, epochs, stepsDone, stepsPerEpoch);
    }
}
