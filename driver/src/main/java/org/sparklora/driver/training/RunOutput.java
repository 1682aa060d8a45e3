package org.sparklora.driver.training;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.spark.sql.SparkSession;
import org.sparklora.driver.cluster.ExchangeChoice;
import org.sparklora.driver.cluster.RunDirectories;
import org.sparklora.driver.cluster.data.EvaluationData;
import org.sparklora.driver.job.config.ActivationCache;
import org.sparklora.driver.job.config.JobConfig;
import org.sparklora.driver.job.config.ResolvedYaml;
import org.sparklora.driver.job.config.Task;
import org.sparklora.driver.job.freeze.EpochMetrics;
import org.sparklora.driver.job.manifest.ManifestFile;
import org.sparklora.driver.job.manifest.ManifestJson;
import org.sparklora.driver.job.plan.CachePolicy;
import org.sparklora.driver.model.peft.AdapterDetails;
import org.sparklora.driver.model.peft.AdapterDetails.TrainingSummary;
import org.sparklora.driver.model.peft.PeftAdapterWriter;
import org.sparklora.driver.run.checkpoint.Checkpoint;
import org.sparklora.driver.run.checkpoint.CheckpointStore;
import org.sparklora.driver.run.checkpoint.RunCheckpointer;
import org.sparklora.driver.run.history.HistoryEvent;
import org.sparklora.driver.run.history.OutputGuard;
import org.sparklora.driver.run.history.RunDirectory;
import org.sparklora.driver.run.history.RunHistory;
import org.sparklora.driver.run.history.RunStatus;
import org.sparklora.driver.run.loop.StoppingCriteria;
import org.sparklora.driver.run.loop.TrainingLoop;
import org.sparklora.driver.watch.tracking.Outcome;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.Sha256;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.engine.Torch;
import org.sparklora.worker.machine.Machine;

/**
 * What a run leaves behind. Lifecycle: {@link #open}, {@link #started} once model and data are known to be good, then
 * {@link #finished}; {@link #failed} from any of these. A process that is stopped in between writes {@code cancelled}.
 *
 * <p>A run that {@code --overwrite} is to replace stays untouched until {@link #started}: whatever is wrong with the new
 * run's inputs, the old one is not lost.
 */
public final class RunOutput {

    private static final String STOPPED =
            "cancelled: the process was told to stop; run again with --resume to go on from the newest checkpoint";

    private final JobConfig job;
    private final RunDirectory directory;
    private final RunHistory history;
    private final Clock clock;
    private final Instant began;
    private final IfRunIsThere ifRunIsThere;
    private final Optional<Resumption> resumption;
    private final Thread whenStopped = new Thread(this::cancelled, "spark-lora status");

    /** Whether the directory is this run's; before that, it holds the run to be replaced. Read by the hook's thread. */
    private volatile boolean claimed;

    private final RunViews views;
    private SortedMap<String, String> origin = new TreeMap<>();

    /** What to do with a run that the output directory holds. */
    public enum IfRunIsThere {
        REFUSE,
        OVERWRITE,
        RESUME
    }

    private RunOutput(
            JobConfig job,
            RunDirectory directory,
            Clock clock,
            IfRunIsThere ifRunIsThere,
            Optional<Resumption> resumption)
            throws IOException {
        this.job = job;
        this.directory = directory;
        this.clock = clock;
        this.ifRunIsThere = ifRunIsThere;
        this.resumption = resumption;
        this.began = clock.instant();
        this.views = new RunViews(job, directory, clock);
        this.history = resumption.isPresent() ? resumption.get().history(clock) : new RunHistory(directory, clock);
    }

    /**
     * Claims the output directory unless it holds a run; such a one is refused, or one to be overwritten or a finished
     * one to go on is kept for now.
     */
    public static RunOutput open(JobConfig job, Clock clock, IfRunIsThere ifRunIsThere) throws IOException {
        RunDirectory directory = directory(job.output());
        Optional<Resumption> resumption =
                ifRunIsThere == IfRunIsThere.RESUME ? Resumption.find(job, directory) : Optional.empty();
        if (ifRunIsThere == IfRunIsThere.OVERWRITE) {
            OutputGuard.refuseForeign(directory);
        } else if (resumption.isEmpty()) {
            OutputGuard.refuseOtherRun(directory);
        }
        RunOutput output = new RunOutput(job, directory, clock, ifRunIsThere, resumption);
        boolean finished = resumption.filter(Resumption::isFinished).isPresent();
        if (!OutputGuard.holdsRun(directory) || (resumption.isPresent() && !finished)) {
            output.claim();
        }
        Runtime.getRuntime().addShutdownHook(output.whenStopped);
        return output;
    }

    /** The run directory at a path that a person gave. */
    public static RunDirectory directory(String path) {
        try {
            return RunDirectories.of(path);
        } catch (IllegalArgumentException e) {
            throw new UsageException(path + " is no path: " + e.getMessage() + "; correct it");
        }
    }

    private void claim() throws IOException {
        claimed = true;
        views.claimed();
        status(RunStatus.running());
    }

    /** What the epochs showed that were done before this process. */
    public List<EpochMetrics> seen() {
        return resumption
                .flatMap(Resumption::checkpoint)
                .map(checkpoint -> checkpoint.point().seen())
                .orElse(List.of());
    }

    public RunHistory history() {
        return history;
    }

    /** An epoch's end is published. */
    public void epochEnded() {
        views.epochEnded();
    }

    /** Whether a finished run is to go on that has nothing left to do; says so, and leaves the run as it is. */
    public boolean nothingLeft(StoppingCriteria ending) {
        if (resumption.filter(r -> r.nothingLeft(ending)).isEmpty()) {
            return false;
        }
        Runtime.getRuntime().removeShutdownHook(whenStopped);
        String sha = resumption
                .flatMap(Resumption::status)
                .map(RunStatus::adapterSha256)
                .orElse("");
        Console.out(
                "%s: nothing left to do, the run is finished; its adapter is in %s/adapter%n"
                        + "adapter_model.safetensors sha256 %s",
                job.name(), directory.location(), sha);
        return true;
    }

    /** Runs the loop, from the checkpoint where there is one, and keeps checkpoints. */
    public TrainingLoop.Result run(TrainingLoop loop) {
        RunCheckpointer checkpointer = new RunCheckpointer(
                new CheckpointStore(directory), history, job.execution().checkpointEvery(), origin);
        Optional<Checkpoint> from = resumption.flatMap(Resumption::checkpoint);
        return from.isPresent() ? loop.resume(from.get().point(), checkpointer) : loop.run(checkpointer);
    }

    /** Takes the place of a run that is to be overwritten, records what the run depends on, and says what it will do. */
    public void started(
            JobModel model,
            LoraManifest manifest,
            FreezeState initial,
            JobData data,
            SparkSession spark,
            ExchangeChoice exchange)
            throws IOException {
        origin = Resumption.origin(job, model, data);
        if (ifRunIsThere == IfRunIsThere.OVERWRITE) {
            OutputGuard.overwrite(directory);
            claim();
        }
        if (resumption.isPresent()) {
            resumption.get().requireSame(origin);
            // Before the history changes: checkpoints further on would point into what is cut off.
            new CheckpointStore(directory).deleteAfter(resumption.get().checkpoint());
            claim();
            Console.progress(job.name() + ": " + resumption.get().description());
        }
        views.begin(history);
        directory.write("config.yaml", ResolvedYaml.write(job).getBytes(StandardCharsets.UTF_8));
        Map<String, String> versions = new TreeMap<>(Map.of(
                "spark-lora", ProductVersion.current(),
                "spark", spark.version(),
                "java", Runtime.version().toString(),
                "pytorch", Torch.version()));
        String yaml = ResolvedYaml.write(job);
        history.append(new HistoryEvent.Run(
                new HistoryEvent.Run.Configuration(
                        Sha256.hex(yaml), yaml, data.training().plan().stepsPerEpoch(), initial),
                model.baseSha256(),
                Map.of("seed", job.seed()),
                new HistoryEvent.Run.Environment(
                        versions, List.of(Machine.hardware().cpu())),
                choices(exchange)));
        for (String group : resumption.map(r -> r.added(manifest)).orElse(List.of())) {
            int epoch = resumption
                    .flatMap(Resumption::checkpoint)
                    .map(c -> c.point().epochsDone())
                    .orElse(0);
            history.append(new HistoryEvent.GroupChange(
                    HistoryEvent.GroupChange.Kind.ADD, epoch, 0, group, "added to the job before the run went on"));
        }
        history.commit();
        long rows = data.training().statistics().examples();
        long truncated = data.training().statistics().truncated();
        String cut = truncated == 0
                ? ""
                : " (" + truncated + " cut to max_length " + job.model().maxLength() + ")";
        String held = data.validation()
                .map(v -> String.format(Locale.ROOT, ", %,d validation rows", v.rows()))
                .orElse("");
        Console.err(
                "%s: %,d training rows%s%s, %d steps an epoch, %d shards",
                job.name(),
                rows,
                cut,
                held,
                data.training().plan().stepsPerEpoch(),
                data.training().plan().shards());
        Console.err("%s: exchange %s: %s", job.name(), exchange.label(), exchange.reason());
        exchange.surplus(spark.sparkContext(), data.training().plan().shards())
                .ifPresent(warning -> Console.err("%s: %s", job.name(), warning));
    }

    private Map<String, String> choices(ExchangeChoice exchange) {
        return Map.of(
                "exchange",
                exchange.label() + ": " + exchange.reason(),
                "activation_cache",
                job.execution().activationCache() == ActivationCache.OFF
                        ? "off: execution.activation_cache says so"
                        : CachePolicy.ON,
                "activation_cache_type",
                job.execution().activationCacheType().name().toLowerCase(Locale.ROOT),
                "folding",
                "frozen pairs are merged into their weights for batches of more than in * out / (in + out) tokens",
                "last_layer",
                everyToken() ? "every token's" : "the first token's; no other is multiplied with a weight",
                "attention",
                "PyTorch's fused kernel, but where probabilities drop out"
                        + (everyToken() ? "" : " and in the last layer"),
                "precision",
                "float32");
    }

    /** Whether the head reads every token of the last layer. */
    private boolean everyToken() {
        return job.model().task() == Task.TOKEN_CLASSIFICATION;
    }

    /**
     * Writes adapter, manifest, history and status.
     *
     * @return a summary for a person
     */
    public String finished(JobModel model, LoraManifest manifest, JobData data, TrainingLoop.Result result)
            throws IOException {
        Set<String> active = new TreeSet<>(manifest.names());
        active.removeAll(result.freeze().in(GroupState.DORMANT));
        AdapterDetails details = new AdapterDetails(
                job.model().path(),
                everyToken() ? "TOKEN_CLS" : "SEQ_CLS",
                job.lora().loraDropout(),
                model.base().encoder().head().modules(),
                Optional.of(summary(data)));
        SortedMap<String, byte[]> files = PeftAdapterWriter.files(manifest, active, result.adapter(), details);
        for (Map.Entry<String, byte[]> file : files.entrySet()) {
            directory.write("adapter/" + file.getKey(), file.getValue());
        }
        SortedMap<String, String> digests = new TreeMap<>();
        for (String group : active) {
            digests.put(group, digest(manifest, group, result.adapter()));
        }
        ManifestFile file = new ManifestFile(manifest, result.freeze(), digests, model.baseSha256(), data.labels());
        directory.write("manifest.json", ManifestJson.write(file).getBytes(StandardCharsets.UTF_8));

        String sha = Sha256.hex(java.util.Objects.requireNonNull(files.get("adapter_model.safetensors")));
        double seconds = Duration.between(began, clock.instant()).toMillis() / 1000.0;
        history.append(new HistoryEvent.Finished(sha, seconds));
        history.commit();
        RunStatus finished = RunStatus.finished(sha);
        end(finished, finished);
        views.end(Outcome.FINISHED);
        return String.format(
                Locale.ROOT,
                "%s: done in %.0f s, adapter of epoch %d in %s/adapter%nadapter_model.safetensors sha256 %s%s",
                job.name(),
                seconds,
                result.epoch(),
                directory.location(),
                sha,
                views.summary());
    }

    /**
     * Records a failure, unless the process is being stopped: then that is what failed it, and the run is cancelled. That
     * this cannot be written must not hide the failure itself.
     *
     * @return whether the process is being stopped; it has said so by then
     */
    public boolean failed(Throwable failure) {
        ExitCode code = ExitCode.of(failure);
        String message = ExitCode.message(failure);
        Outcome outcome = code == ExitCode.CANCELLED ? Outcome.CANCELLED : Outcome.FAILED;
        try {
            RunStatus status =
                    code == ExitCode.CANCELLED ? RunStatus.cancelled(message) : RunStatus.failed(code.code(), message);
            if (end(status, RunStatus.cancelled(STOPPED))) {
                outcome = Outcome.CANCELLED;
                return true;
            }
            if (!claimed) {
                Console.progress(directory.location() + " still holds the run that it held");
            }
        } catch (IOException | RuntimeException e) {
            failure.addSuppressed(e);
        } finally {
            views.end(outcome);
        }
        return false;
    }

    /**
     * Writes the last status.
     *
     * @param status of a process that ends by itself
     * @param ifStopped of one that is being stopped
     * @return whether it is being stopped
     */
    private boolean end(RunStatus status, RunStatus ifStopped) throws IOException {
        boolean stopping;
        try {
            status(status);
        } finally {
            stopping = isStopping();
        }
        if (stopping) {
            // The hook runs, or has run, beside this.
            status(ifStopped);
        }
        return stopping;
    }

    /** Removes the hook, which can be done until the process is being stopped. */
    private boolean isStopping() {
        try {
            Runtime.getRuntime().removeShutdownHook(whenStopped);
            return false;
        } catch (IllegalStateException stopping) {
            return true;
        }
    }

    private void cancelled() {
        try {
            status(RunStatus.cancelled(STOPPED));
            Console.progress("spark-lora: " + STOPPED);
        } catch (IOException | RuntimeException e) {
            Console.progress("spark-lora: status.json cannot be written: " + e.getMessage());
        } finally {
            views.end(Outcome.CANCELLED);
        }
    }

    // One at a time: the hook's thread writes beside the run's.
    private synchronized void status(RunStatus status) throws IOException {
        if (!claimed) {
            return; // What is there is another run's.
        }
        directory.write(RunStatus.FILE, status.toJson());
    }

    private TrainingSummary summary(JobData data) {
        String[] path = job.data().train().path().split("/");
        return new TrainingSummary(
                path[path.length - 1],
                data.training().statistics().examples(),
                data.validation().map(EvaluationData::rows).orElse(0L),
                job.model().maxLength(),
                data.labels());
    }

    /** Digest of a group's values, as manifest.json states it. */
    public static String digest(LoraManifest manifest, String group, AdapterSnapshot adapter) {
        Set<String> names = new TreeSet<>();
        manifest.tensors(group).stream().map(TensorSpec::name).forEach(names::add);
        return adapter.only(names::contains).sha256();
    }
}
