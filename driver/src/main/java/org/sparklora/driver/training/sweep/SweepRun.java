package org.sparklora.driver.training.sweep;

import java.io.IOException;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.apache.spark.sql.SparkSession;
import org.sparklora.driver.cluster.Locations;
import org.sparklora.driver.cluster.Sessions;
import org.sparklora.driver.job.config.JobConfig;
import org.sparklora.driver.job.config.SweepConfig;
import org.sparklora.driver.job.config.SweepConfig.Halving;
import org.sparklora.driver.job.config.SweepConfig.Trial;
import org.sparklora.driver.job.freeze.EpochMetrics;
import org.sparklora.driver.run.history.OutputGuard;
import org.sparklora.driver.run.history.RunDirectory;
import org.sparklora.driver.run.history.RunStatus;
import org.sparklora.driver.training.Console;
import org.sparklora.driver.training.ExitCode;
import org.sparklora.driver.training.RunOutput.IfRunIsThere;
import org.sparklora.driver.training.SharedRows;
import org.sparklora.driver.training.TrainingRun;
import org.sparklora.driver.training.TrainingRun.Leg;
import org.sparklora.driver.training.TrainingRun.Reached;
import org.sparklora.driver.training.sweep.TrialResult.State;
import org.sparklora.driver.watch.report.Language;
import org.sparklora.driver.watch.report.SweepReport;
import org.sparklora.driver.watch.tracking.MlflowSweep;
import org.sparklora.driver.watch.tracking.Tracking;
import org.sparklora.driver.watch.tracking.Tracking.Outcome;
import org.sparklora.worker.train.DivergedException;

/**
 * Trains the trials of a sweep in one session, one after the other. Each trial is the run that {@code train} makes of its job,
 * with the same bits and a run directory of its own; trials with the same layout of rows share these and the trunk's
 * activations. If trials move groups or halve, all of them train an epoch before any trains the next, so that the trunk
 * activations of an epoch are computed once.
 */
public final class SweepRun {

    /** Layouts whose rows stay in memory or on disk at a time. */
    private static final int LAYOUTS = 4;

    private static final int SHOWN = 20;

    private final SweepConfig sweep;
    private final boolean resumes;
    private final RunDirectory directory;
    private final Map<Trial, TrialResult> results = new LinkedHashMap<>();

    /** @param resumes whether the folder may hold trials, which go on then */
    public SweepRun(SweepConfig sweep, boolean resumes) {
        this.sweep = sweep;
        this.resumes = resumes;
        this.directory = Locations.directory(sweep.output());
    }

    /** Trains, and writes the leaderboard after each trial. Returns 5 if every trial diverged. */
    public ExitCode run() throws IOException {
        if (!resumes) {
            OutputGuard.refuseNonEmpty(directory);
        }
        SweepPlan.requireValid(sweep);
        Optional<MlflowSweep> tracking = tracking();
        Outcome outcome = Outcome.FAILED;
        try {
            ExitCode code = train();
            outcome = code == ExitCode.OK ? Outcome.FINISHED : Outcome.FAILED;
            return code;
        } finally {
            List<String> files = outcome == Outcome.FINISHED ? List.of(Leaderboard.CSV, SweepReport.FILE) : List.of();
            Outcome last = outcome;
            tracking.ifPresent(shown -> shown.end(last, files));
        }
    }

    /** The run of the whole sweep on the job's MLflow server. */
    private Optional<MlflowSweep> tracking() {
        SortedMap<String, Set<String>> varied = new TreeMap<>();
        for (Trial trial : sweep.trials()) {
            trial.varied()
                    .forEach((key, value) -> varied.computeIfAbsent(key, k -> new LinkedHashSet<>())
                            .add(value));
        }
        Tracking.Environment environment = new Tracking.Environment(
                directory,
                Locations::directory,
                System.getenv(),
                line -> Console.err("%s: warning: %s", sweep.name(), line),
                Clock.systemUTC());
        return sweep.trials()
                .get(0)
                .job()
                .tracking()
                .mlflow()
                .map(mlflow -> MlflowSweep.begin(mlflow, sweep.name(), varied, environment));
    }

    private ExitCode train() throws IOException {
        try (SparkSession spark = Sessions.open("spark-lora sweep " + sweep.name());
                SharedRows rows = new SharedRows(LAYOUTS)) {
            List<Trial> training = SweepPlan.inOrder(sweep.trials());
            int pause = SweepPlan.pauses(sweep)
                    ? sweep.halving().map(Halving::every).orElse(1)
                    : Integer.MAX_VALUE;
            for (int until = pause; !training.isEmpty(); until += pause) {
                for (Trial trial : training) {
                    train(spark, rows, trial, new Leg(until, pause < Integer.MAX_VALUE));
                }
                training = training.stream()
                        .filter(trial -> of(trial).state() == State.TRAINING)
                        .toList();
                if (sweep.halving().isPresent()) {
                    training = better(spark, rows, training, sweep.halving().get());
                }
            }
        }
        Leaderboard board = leaderboard();
        board.lines(SHOWN).forEach(line -> Console.out("%s", line));
        writePage();
        Console.out(
                "%s: all trials are in %s/%s and %s", sweep.name(), sweep.output(), Leaderboard.CSV, SweepReport.FILE);
        boolean failed = board.trials().stream().allMatch(trial -> trial.state() == State.DIVERGED);
        return failed ? ExitCode.DIVERGED : ExitCode.OK;
    }

    /** The trials are done: without the page, the sweep is whole. */
    private void writePage() {
        try {
            directory.write(SweepReport.FILE, SweepReport.page(directory, Locations::directory, Language.EN));
        } catch (IOException | RuntimeException e) {
            Console.err("%s: warning: %s cannot be written: %s", sweep.name(), SweepReport.FILE, e.getMessage());
        }
    }

    private TrialResult of(Trial trial) {
        return Objects.requireNonNull(results.get(trial));
    }

    /** Trains a part of a trial. A trial that diverges ends alone. */
    private void train(SparkSession spark, SharedRows rows, Trial trial, Leg leg) throws IOException {
        JobConfig job = trial.job();
        Optional<String> before = diverged(job);
        TrialResult result;
        if (before.isPresent()) {
            result = diverged(trial, before.get());
        } else {
            try {
                result = result(trial, new TrainingRun(job, IfRunIsThere.RESUME).run(spark, rows, leg), leg);
            } catch (DivergedException e) {
                Console.err("%s: %s; the other trials go on", job.name(), e.getMessage());
                result = diverged(trial, String.valueOf(e.getMessage()));
            }
        }
        results.put(trial, result);
        leaderboard().write(directory);
    }

    private static TrialResult diverged(Trial trial, String why) {
        return new TrialResult(
                trial.id(),
                trial.varied(),
                State.DIVERGED,
                List.of(),
                -1,
                "",
                why,
                trial.job().output());
    }

    /** Why an earlier process of the sweep ended this trial. */
    private static Optional<String> diverged(JobConfig job) throws IOException {
        return status(job)
                .filter(status -> Integer.valueOf(ExitCode.DIVERGED.code()).equals(status.exitCode()))
                .map(RunStatus::message);
    }

    private static Optional<RunStatus> status(JobConfig job) throws IOException {
        return Locations.directory(job.output()).find(RunStatus.FILE).map(RunStatus::parse);
    }

    private TrialResult result(Trial trial, Reached reached, Leg leg) throws IOException {
        State state = !reached.finished()
                ? State.TRAINING
                : leg.goesOn() || sweep.halving().isEmpty() ? State.FINISHED : State.STOPPED;
        String sha = reached.finished()
                ? status(trial.job()).map(RunStatus::adapterSha256).orElse("")
                : "";
        String note = state == State.STOPPED
                ? "other trials were better; epochs trained: " + reached.seen().size()
                : "";
        return new TrialResult(
                trial.id(),
                trial.varied(),
                state,
                reached.seen(),
                TrainingRun.resultEpoch(trial.job(), reached.seen()),
                sha,
                note,
                trial.job().output());
    }

    /** The trials that go on. The others write the adapter that they have. */
    private List<Trial> better(SparkSession spark, SharedRows rows, List<Trial> training, Halving halving)
            throws IOException {
        String metric =
                halving.metric().orElseGet(() -> metric(sweep.trials().get(0).job(), results.values()));
        Comparator<Trial> values = Comparator.comparingDouble(trial -> newest(of(trial), metric));
        List<Trial> ranked = training.stream()
                .sorted(Leaderboard.lessIsBetter(metric) ? values : values.reversed())
                .toList();
        Set<Trial> kept = new LinkedHashSet<>(ranked.subList(0, Math.min(ranked.size(), halving.kept(ranked.size()))));
        for (Trial trial : training) {
            if (!kept.contains(trial)) {
                train(spark, rows, trial, new Leg(of(trial).epochs().size(), false));
            }
        }
        return training.stream().filter(kept::contains).toList();
    }

    private static double newest(TrialResult trial, String metric) {
        EpochMetrics epoch = trial.epochs().get(trial.epochs().size() - 1);
        if (metric.equals(TrialResult.TRAIN_LOSS)) {
            return epoch.trainLoss();
        }
        return Objects.requireNonNull(epoch.validation().get(metric));
    }

    private Leaderboard leaderboard() {
        return Leaderboard.of(metric(sweep.trials().get(0).job(), results.values()), new ArrayList<>(results.values()));
    }

    /** The metric of the leaderboard: the job's, else accuracy, else the validation loss, else the training loss. */
    private static String metric(JobConfig job, Iterable<TrialResult> results) {
        Optional<String> own = job.training().metricForBestModel();
        if (own.isPresent()) {
            return own.get();
        }
        for (TrialResult result : results) {
            for (String metric : List.of("accuracy", "loss")) {
                if (result.metrics().containsKey(metric)) {
                    return metric;
                }
            }
        }
        return TrialResult.TRAIN_LOSS;
    }
}
