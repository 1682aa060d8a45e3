package org.sparklora.driver.training;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
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
import org.sparklora.driver.watch.tracking.Tracking.Outcome;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.Sha256;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.encoder.HeadInput;
import org.sparklora.worker.engine.Torch;
import org.sparklora.worker.machine.Machine;

/**
 * The files of a run. Call order: {@link #open}, {@link #started} once model and data are checked, {@link #run}, {@link
 * #finished}; or {@link #failed} after any of these. A process that is told to stop writes the status {@code cancelled}.
 *
 * <p>A run that {@code --overwrite} replaces stays untouched until {@link #started}, so an error in the new run's inputs does
 * not delete it.
 */
public final class RunOutput {

    private final JobConfig job;
    private final RunDirectory directory;
    private final RunHistory history;
    private final Clock clock;
    private final Instant began;
    private final IfRunIsThere ifRunIsThere;
    private final Optional<Resumption> resumption;
    private final RunViews views;
    private final StatusFile status;
    private SortedMap<String, String> origin = new TreeMap<>();

    /** What to do when the output directory holds a run. */
    public enum IfRunIsThere {
        REFUSE,
        OVERWRITE,
        RESUME
    }

    /**
     * What a run works on, once all of it is checked.
     *
     * @param manifest groups and head
     * @param initial the groups' states before the first epoch
     */
    record Start(JobModel model, LoraManifest manifest, FreezeState initial, JobData data, ExchangeChoice exchange) {}

    private RunOutput(JobConfig job, RunDirectory directory, Clock clock, IfRunIsThere ifRunIsThere)
            throws IOException {
        this.job = job;
        this.directory = directory;
        this.clock = clock;
        this.ifRunIsThere = ifRunIsThere;
        this.resumption = ifRunIsThere == IfRunIsThere.RESUME ? Resumption.find(job, directory) : Optional.empty();
        if (ifRunIsThere == IfRunIsThere.OVERWRITE) {
            OutputGuard.refuseForeign(directory);
        } else if (resumption.isEmpty()) {
            OutputGuard.refuseOtherRun(directory);
        }
        this.began = clock.instant();
        this.views = new RunViews(job, directory, clock);
        this.status = new StatusFile(directory, views);
        this.history = resumption.isPresent() ? resumption.get().history(clock) : new RunHistory(directory, clock);
    }

    /**
     * Opens the output directory. A run in it is refused, unless it is to be overwritten or resumed. The directory is claimed
     * at once if it is empty or holds an unfinished run to resume, otherwise in {@link #started}.
     */
    static RunOutput open(JobConfig job, Clock clock, IfRunIsThere ifRunIsThere) throws IOException {
        RunDirectory directory = directory(job.output());
        RunOutput output = new RunOutput(job, directory, clock, ifRunIsThere);
        boolean resumesUnfinished =
                output.resumption.filter(resumption -> !resumption.isFinished()).isPresent();
        if (!OutputGuard.holdsRun(directory) || resumesUnfinished) {
            output.status.claim();
        }
        output.status.watchShutdown();
        return output;
    }

    /** The run directory at a path or URI that the user gave. */
    public static RunDirectory directory(String path) {
        try {
            return RunDirectories.of(path);
        } catch (IllegalArgumentException e) {
            throw new UsageException("usage.path", path + " is not a valid path: " + e.getMessage() + "; correct it");
        }
    }

    /** Metrics of the epochs that earlier processes of this run finished. */
    List<EpochMetrics> seen() {
        return resumption
                .flatMap(Resumption::checkpoint)
                .map(checkpoint -> checkpoint.point().seen())
                .orElse(List.of());
    }

    RunHistory history() {
        return history;
    }

    /** Updates the report page after an epoch. */
    void epochEnded() {
        views.epochEnded();
    }

    /** Whether the run to resume has finished already. Prints that, and changes nothing. */
    boolean nothingLeft(StoppingCriteria criteria) {
        if (resumption.filter(r -> r.nothingLeft(criteria)).isEmpty()) {
            return false;
        }
        status.ignoreShutdown();
        String sha = resumption
                .flatMap(Resumption::status)
                .map(RunStatus::adapterSha256)
                .orElse("");
        Console.out(
                "%s: the run has finished already; its adapter is in %s/adapter%n"
                        + "adapter_model.safetensors sha256 %s",
                job.name(), directory.location(), sha);
        return true;
    }

    /** Runs the loop, from the checkpoint to resume if there is one, and writes checkpoints. */
    TrainingLoop.Result run(TrainingLoop loop) {
        RunCheckpointer checkpointer = new RunCheckpointer(
                new CheckpointStore(directory), history, job.execution().checkpointEvery(), origin);
        Optional<Checkpoint> from = resumption.flatMap(Resumption::checkpoint);
        return from.isPresent() ? loop.resume(from.get().point(), checkpointer) : loop.run(checkpointer);
    }

    /** Claims the directory, if {@link #open} did not, and records what the run depends on. */
    void started(Start start, SparkSession spark) throws IOException {
        origin = Resumption.origin(job, start.model(), start.data());
        if (ifRunIsThere == IfRunIsThere.OVERWRITE) {
            OutputGuard.overwrite(directory);
            status.claim();
        }
        if (resumption.isPresent()) {
            resumption.get().requireSame(origin);
            // Before the history is truncated: later checkpoints would point behind its end.
            new CheckpointStore(directory).deleteAfter(resumption.get().checkpoint());
            status.claim();
            Console.progress(job.name() + ": " + resumption.get().description());
        }
        views.begin(history);
        String yaml = ResolvedYaml.write(job);
        directory.write("config.yaml", yaml.getBytes(StandardCharsets.UTF_8));
        history.append(runEvent(start, yaml, spark.version()));
        if (resumption.isPresent()) {
            recordAddedGroups(resumption.get(), start.manifest());
        }
        history.commit();
        describe(start, spark);
    }

    private HistoryEvent.Run runEvent(Start start, String yaml, String sparkVersion) {
        Map<String, String> versions = new TreeMap<>(Map.of(
                "spark-lora", ProductVersion.current(),
                "spark", sparkVersion,
                "java", Runtime.version().toString(),
                "pytorch", Torch.version()));
        int steps = start.data().training().plan().stepsPerEpoch();
        return new HistoryEvent.Run(
                new HistoryEvent.Run.Configuration(Sha256.hex(yaml), yaml, steps, start.initial()),
                start.model().baseSha256(),
                Map.of("seed", job.seed()),
                new HistoryEvent.Run.Environment(
                        versions, List.of(Machine.hardware().cpu())),
                choices(start.exchange()));
    }

    private void recordAddedGroups(Resumption resumed, LoraManifest manifest) {
        int epoch = resumed.checkpoint().map(c -> c.point().epochsDone()).orElse(0);
        for (String group : resumed.added(manifest)) {
            history.append(new HistoryEvent.GroupChange(
                    HistoryEvent.GroupChange.Kind.ADD, epoch, 0, group, "added to the job before the run was resumed"));
        }
    }

    /** Prints the size of the data and how gradients are exchanged. */
    private void describe(Start start, SparkSession spark) {
        JobData data = start.data();
        ExchangeChoice exchange = start.exchange();
        int shards = data.training().plan().shards();
        long truncated = data.training().statistics().truncated();
        Console.err(
                "%s: %,d training rows%s%s, %d steps an epoch, %d shards",
                job.name(),
                data.training().statistics().examples(),
                truncated == 0
                        ? ""
                        : " (" + truncated + " cut to max_length " + job.model().maxLength() + ")",
                data.validation()
                        .map(v -> String.format(Locale.ROOT, ", %,d validation rows", v.rows()))
                        .orElse(""),
                data.training().plan().stepsPerEpoch(),
                shards);
        Console.err("%s: exchange %s: %s", job.name(), exchange.label(), exchange.reason());
        exchange.surplus(spark.sparkContext(), shards).ifPresent(warning -> Console.err("%s: %s", job.name(), warning));
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
                readsEveryToken() ? "every token's" : "the first token's; no other is multiplied with a weight",
                "attention",
                "PyTorch's fused kernel, but where probabilities drop out"
                        + (readsEveryToken() ? "" : " and in the last layer"),
                "precision",
                "float32");
    }

    /** Whether the head reads every token of the last layer, or only the first. */
    private boolean readsEveryToken() {
        return JobModel.headInput(job.model().task()) == HeadInput.EVERY_TOKEN;
    }

    /**
     * Writes adapter, manifest, history and status.
     *
     * @return a summary for the user
     */
    String finished(JobModel model, LoraManifest manifest, JobData data, TrainingLoop.Result result)
            throws IOException {
        String sha = writeAdapter(model, manifest, data, result);
        double seconds = Duration.between(began, clock.instant()).toMillis() / 1000.0;
        history.append(new HistoryEvent.Finished(sha, seconds));
        history.commit();
        status.finished(sha);
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

    /** Writes the PEFT directory and manifest.json. Returns the digest of the adapter's weights. */
    private String writeAdapter(JobModel model, LoraManifest manifest, JobData data, TrainingLoop.Result result)
            throws IOException {
        Set<String> active = new TreeSet<>(manifest.names());
        active.removeAll(result.freeze().in(GroupState.DORMANT));
        AdapterDetails details = new AdapterDetails(
                job.model().path(),
                readsEveryToken() ? "TOKEN_CLS" : "SEQ_CLS",
                job.lora().loraDropout(),
                model.encoder().head().modules(),
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
        return Sha256.hex(Objects.requireNonNull(files.get("adapter_model.safetensors")));
    }

    /**
     * Records a failure. If the process is being stopped, that is the cause, and the run is cancelled. An error while writing
     * is added to the failure and does not replace it.
     *
     * @return whether the process is being stopped; the shutdown hook prints that
     */
    boolean failed(Throwable failure) {
        ExitCode code = ExitCode.of(failure);
        String message = ExitCode.message(failure);
        Outcome outcome = code == ExitCode.CANCELLED ? Outcome.CANCELLED : Outcome.FAILED;
        try {
            boolean stopping = status.failed(
                    code == ExitCode.CANCELLED ? RunStatus.cancelled(message) : RunStatus.failed(code.code(), message));
            if (stopping) {
                outcome = Outcome.CANCELLED;
                return true;
            }
            if (!status.isClaimed()) {
                Console.progress("the run in " + directory.location() + " is unchanged");
            }
        } catch (IOException | RuntimeException e) {
            failure.addSuppressed(e);
        } finally {
            views.end(outcome);
        }
        return false;
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

    /** Digest of a group's values, as manifest.json has it. */
    static String digest(LoraManifest manifest, String group, AdapterSnapshot adapter) {
        Set<String> names = new TreeSet<>();
        manifest.tensors(group).stream().map(TensorSpec::name).forEach(names::add);
        return adapter.only(names::contains).sha256();
    }
}
