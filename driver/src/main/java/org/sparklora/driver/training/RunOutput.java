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
import java.util.stream.Collectors;
import org.apache.spark.sql.SparkSession;
import org.sparklora.driver.cluster.ExchangeChoice;
import org.sparklora.driver.cluster.Locations;
import org.sparklora.driver.cluster.data.RunData;
import org.sparklora.driver.cluster.data.Shards;
import org.sparklora.driver.job.config.ActivationCache;
import org.sparklora.driver.job.config.JobConfig;
import org.sparklora.driver.job.config.ResolvedYaml;
import org.sparklora.driver.job.config.SourceConfig;
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
import org.sparklora.driver.run.history.LeasedRunDirectory;
import org.sparklora.driver.run.history.OutputGuard;
import org.sparklora.driver.run.history.RunDirectory;
import org.sparklora.driver.run.history.RunHistory;
import org.sparklora.driver.run.history.RunStatus;
import org.sparklora.driver.run.loop.StoppingCriteria;
import org.sparklora.driver.run.loop.TrainingLoop;
import org.sparklora.driver.watch.tracking.Tracking.Outcome;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.Arithmetic;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.Precision;
import org.sparklora.worker.contract.Sha256;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.encoder.Encoder;
import org.sparklora.worker.encoder.Encoder.Multiplied;
import org.sparklora.worker.encoder.HeadInput;
import org.sparklora.worker.engine.Torch;
import org.sparklora.worker.lora.LoraVariant;
import org.sparklora.worker.machine.Machine;

/**
 * The files of a run. Call order: the constructor, {@link #started} once model and data are checked, {@link #run}, {@link
 * #finished}; or {@link #failed} after any of these. A process that is told to stop writes the status {@code cancelled}.
 *
 * <p>A run that {@code --overwrite} replaces stays untouched until {@link #started}, so an error in the new run's inputs does
 * not delete it.
 */
public final class RunOutput {

    private final JobConfig job;
    private final LeasedRunDirectory directory;
    private final RunHistory history;
    private final Clock clock;
    private final Instant began;
    private final IfRunIsThere ifRunIsThere;
    private final Optional<Resumption> resumption;
    private final Optional<Checkpoint> from;
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
    record Start(
            JobModel model,
            LoraManifest manifest,
            FreezeState initial,
            RunData data,
            ExchangeChoice exchange,
            String instructions) {}

    /**
     * Opens the output directory. A directory that another process writes to is refused, and a run in it, unless it is to be
     * overwritten or resumed. The directory is claimed at once if it is empty or holds an unfinished run to resume, otherwise
     * in {@link #started}.
     */
    RunOutput(JobConfig job, Clock clock, IfRunIsThere ifRunIsThere) throws IOException {
        RunDirectory output = Locations.directory(job.output());
        this.job = job;
        this.directory = new LeasedRunDirectory(output, clock);
        this.clock = clock;
        this.ifRunIsThere = ifRunIsThere;
        directory.refuseHeld();
        this.resumption = ifRunIsThere == IfRunIsThere.RESUME ? Resumption.find(job, output) : Optional.empty();
        this.from = resumption.flatMap(Resumption::checkpoint);
        if (ifRunIsThere == IfRunIsThere.OVERWRITE) {
            OutputGuard.refuseForeign(directory);
        } else if (resumption.isEmpty()) {
            OutputGuard.refuseOtherRun(directory);
        }
        this.began = clock.instant();
        this.views = new RunViews(job, directory, clock);
        this.history =
                resumption.isPresent() ? resumption.get().history(directory, clock) : new RunHistory(directory, clock);
        this.status = new StatusFile(directory, () -> end(Outcome.CANCELLED));
        if (!OutputGuard.holdsRun(directory)
                || resumption.filter(found -> !found.isFinished()).isPresent()) {
            try {
                status.claim();
            } catch (IOException | RuntimeException e) {
                directory.close();
                throw e;
            }
        }
        status.watchShutdown();
    }

    /** Metrics of the epochs that earlier processes of this run finished. */
    List<EpochMetrics> seen() {
        return from.map(checkpoint -> checkpoint.point().seen()).orElse(List.of());
    }

    RunHistory history() {
        return history;
    }

    /** Updates the report page after an epoch. */
    void epochEnded() {
        views.writePage();
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

    /**
     * Where the run to resume was after a part, if it has done that; then nothing is written.
     *
     * @param criteria when the whole run is complete
     */
    Optional<TrainingRun.Reached> reached(StoppingCriteria criteria, TrainingRun.Leg leg) throws IOException {
        List<EpochMetrics> seen = seen();
        boolean finished = resumption.filter(Resumption::isFinished).isPresent();
        boolean complete = resumption.filter(r -> r.nothingLeft(criteria)).isPresent();
        boolean goesOn = leg.goesOn() && !(complete && seen.size() <= leg.epochs());
        if ((!complete && seen.size() < leg.epochs()) || (!goesOn && !finished)) {
            return Optional.empty();
        }
        if (finished) {
            status.ignoreShutdown();
        } else {
            // The directory was claimed, and status.json says so.
            paused(seen.size());
        }
        return Optional.of(
                goesOn
                        ? new TrainingRun.Reached(seen.subList(0, leg.epochs()), false, "")
                        : new TrainingRun.Reached(seen, true, ""));
    }

    /** Ends this part of a run that goes on later. */
    void paused(int epochs) throws IOException {
        status.paused("paused by its sweep; epochs trained: " + epochs + "; --resume continues");
        end(Outcome.CANCELLED);
    }

    /** Runs the loop, from the checkpoint to resume if there is one, and writes checkpoints. */
    TrainingLoop.Result run(TrainingLoop loop) {
        RunCheckpointer checkpointer = new RunCheckpointer(
                new CheckpointStore(directory), history, job.execution().checkpointEvery(), origin);
        return from.isPresent() ? loop.resume(from.get().point(), checkpointer) : loop.run(checkpointer);
    }

    /** Claims the directory, if the constructor did not, and records what the run depends on. */
    void started(Start start, SparkSession spark) throws IOException {
        origin = Resumption.origin(job, start);
        if (ifRunIsThere == IfRunIsThere.OVERWRITE) {
            OutputGuard.overwrite(directory);
            status.claim();
        }
        if (resumption.isPresent()) {
            resumption.get().requireSame(origin);
            // Before the history is truncated: later checkpoints would point behind its end.
            new CheckpointStore(directory).deleteAfter(from);
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

    private HistoryEvent runEvent(Start start, String yaml, String sparkVersion) {
        Map<String, String> versions = new TreeMap<>(Map.of(
                "spark-lora", ProductVersion.current(),
                "spark", sparkVersion,
                "java", Runtime.version().toString(),
                "pytorch", Torch.version()));
        int steps = start.data().training().plan().stepsPerEpoch();
        return HistoryEvent.run(
                        new HistoryEvent.Configuration(Sha256.hex(yaml), yaml, steps, start.initial()),
                        start.model().baseSha256(),
                        Map.of("seed", job.seed()),
                        new HistoryEvent.Environment(
                                versions, List.of(Machine.hardware().cpu())),
                        choices(start))
                .reading(start.data().origins());
    }

    private void recordAddedGroups(Resumption resumed, LoraManifest manifest) {
        int epoch = from.map(checkpoint -> checkpoint.point().epochsDone()).orElse(0);
        for (String group : resumed.added(manifest)) {
            history.append(HistoryEvent.group(
                    HistoryEvent.GroupChange.ADD, epoch, 0, group, "added to the job before the run was resumed"));
        }
    }

    /** Prints the size of the data and how gradients are exchanged. */
    private void describe(Start start, SparkSession spark) {
        Shards training = start.data().training();
        ExchangeChoice exchange = start.exchange();
        int shards = training.plan().shards();
        long truncated = training.statistics().truncated();
        String cut = truncated == 0
                ? ""
                : " (" + truncated + " cut to max_length " + job.model().maxLength() + ")";
        String held = start.data()
                .validation()
                .map(v -> String.format(
                        Locale.ROOT, ", %,d validation rows", v.statistics().examples()))
                .orElse("");
        Console.err(
                "%s: %,d training rows%s%s, %d steps an epoch, %d shards",
                job.name(),
                training.statistics().examples(),
                cut,
                held,
                training.plan().stepsPerEpoch(),
                shards);
        Console.err("%s: exchange %s: %s", job.name(), exchange.label(), exchange.reason());
        exchange.surplus(spark.sparkContext(), shards).ifPresent(warning -> Console.err("%s: %s", job.name(), warning));
    }

    /** What changes rounding. */
    private Map<String, String> choices(Start start) {
        ExchangeChoice exchange = start.exchange();
        Set<Multiplied> multiplied = inLastLayer(start.model().encoder());
        boolean byHead = multiplied.contains(Multiplied.ONE_VECTOR_BY_HEAD);
        boolean cached = job.execution().activationCache() != ActivationCache.OFF;
        String precision = job.execution().activationCacheType().name().toLowerCase(Locale.ROOT);
        Map<String, String> choices = new TreeMap<>();
        choices.put("exchange", exchange.label() + ": " + exchange.reason());
        choices.put("activation_cache", cached ? CachePolicy.ON : "off: execution.activation_cache says so");
        choices.put("activation_cache_type", precision);
        Arithmetic arithmetic = job.arithmetic(Arithmetic.DEFAULT);
        boolean rounded = arithmetic.precision() == Precision.BFLOAT16;
        choices.put(
                "folding",
                "frozen pairs are merged into their float32 weights for batches of more than in * out / (in + out) tokens");
        String first = "the first token's; "
                + (multiplied.contains(Multiplied.EVERY_TOKEN)
                        ? "another one's query, key and value only"
                        : "no other is multiplied with a weight");
        choices.put("last_layer", multiplied.contains(Multiplied.FIRST_TOKEN) ? first : "every token's");
        choices.put(
                "attention",
                (rounded
                                ? "products with a float32 softmax"
                                : "PyTorch's fused kernel, but where probabilities drop out")
                        + (byHead ? "; by head in the last layer" : ""));
        choices.put("precision", arithmetic.precision().name().toLowerCase(Locale.ROOT));
        choices.put("kernel", arithmetic.kernel().name().toLowerCase(Locale.ROOT));
        choices.put("instructions", start.instructions());
        if (!start.data().classWeights().isEmpty()) {
            choices.put("class_weights", start.data().classWeights().toString());
        }
        return choices;
    }

    /** What the weights of the last layer are multiplied with. */
    private static Set<Multiplied> inLastLayer(Encoder encoder) {
        return encoder.linears().stream()
                .map(TensorSpec::name)
                .filter(path -> encoder.layerIndex(path) == encoder.layers())
                .map(encoder::multiplied)
                .collect(Collectors.toSet());
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
    String finished(Start start, TrainingLoop.Result result) throws IOException {
        String sha = writeAdapter(start, result);
        double seconds = Duration.between(began, clock.instant()).toMillis() / 1000.0;
        history.append(HistoryEvent.finished(sha, seconds));
        history.commit();
        status.finished(sha);
        end(Outcome.FINISHED);
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
    private String writeAdapter(Start start, TrainingLoop.Result result) throws IOException {
        LoraVariant.Saved saved = LoraVariant.of(start.manifest()).saved(start.manifest(), result.adapter());
        LoraManifest manifest = saved.manifest();
        Set<String> active = new TreeSet<>(manifest.names());
        active.removeAll(result.freeze().in(GroupState.DORMANT));
        AdapterDetails details = new AdapterDetails(
                job.model().path(),
                readsEveryToken() ? "TOKEN_CLS" : "SEQ_CLS",
                job.lora().loraDropout(),
                start.model().savedModules(),
                Optional.of(summary(start.data())));
        SortedMap<String, byte[]> files = PeftAdapterWriter.files(manifest, active, saved.values(), details);
        for (Map.Entry<String, byte[]> file : files.entrySet()) {
            directory.write("adapter/" + file.getKey(), file.getValue());
        }
        SortedMap<String, String> digests = new TreeMap<>();
        for (String group : active) {
            digests.put(group, digest(manifest, group, saved.values()));
        }
        ManifestFile file = new ManifestFile(
                manifest,
                result.freeze(),
                digests,
                start.model().baseSha256(),
                start.data().labels());
        directory.write("manifest.json", ManifestJson.write(file).getBytes(StandardCharsets.UTF_8));
        return Sha256.hex(Objects.requireNonNull(files.get("adapter_model.safetensors")));
    }

    /** Records a failure. Returns whether the process is being stopped. */
    boolean failed(Throwable failure) {
        return status.failed(failure, this::end);
    }

    /** Shows that the run ended, joins its history and returns the directory. After a takeover, the winner does that. */
    private void end(Outcome outcome) throws IOException {
        try (directory) {
            if (!directory.isLost()) {
                views.end(outcome, directory.isHeld());
            }
            if (directory.isHeld()) {
                history.join();
                directory.end();
            }
        }
    }

    private TrainingSummary summary(RunData data) {
        SourceConfig train = job.data().train();
        String[] path = train.path().map(file -> file.split("/")).orElse(new String[] {train.name()});
        return new TrainingSummary(
                path[path.length - 1],
                data.training().statistics().examples(),
                data.validation().map(held -> held.statistics().examples()).orElse(0L),
                job.model().maxLength(),
                data.labels());
    }

    /** Digest of a group's values, as manifest.json has it. */
    static String digest(LoraManifest manifest, String group, AdapterSnapshot adapter) {
        Set<String> names =
                manifest.tensors(group).stream().map(TensorSpec::name).collect(Collectors.toSet());
        return adapter.only(names::contains).sha256();
    }
}
