package org.sparklora.driver.training;

import java.io.IOException;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.sparklora.driver.cluster.ExchangeChoice;
import org.sparklora.driver.cluster.ExecutorSurvey;
import org.sparklora.driver.cluster.LostExecutors;
import org.sparklora.driver.cluster.PlacedData;
import org.sparklora.driver.cluster.Sessions;
import org.sparklora.driver.cluster.SparkEpochRunner;
import org.sparklora.driver.cluster.data.DataException;
import org.sparklora.driver.cluster.data.KeyedTable;
import org.sparklora.driver.cluster.data.KeyedTable.Count;
import org.sparklora.driver.cluster.data.RunData;
import org.sparklora.driver.cluster.data.SourceReader;
import org.sparklora.driver.cluster.data.SourceTable;
import org.sparklora.driver.job.config.JobConfig;
import org.sparklora.driver.job.config.ResolvedYaml;
import org.sparklora.driver.job.config.ValidationConfig;
import org.sparklora.driver.job.freeze.RunLength;
import org.sparklora.driver.job.plan.KeyPacking;
import org.sparklora.driver.model.keyed.AdapterPack;
import org.sparklora.driver.model.keyed.KeyEntry.Outcome;
import org.sparklora.driver.model.keyed.KeyedAdapter;
import org.sparklora.driver.run.history.HistoryEvent;
import org.sparklora.driver.run.loop.TrainingLoop;
import org.sparklora.driver.training.RunOutput.IfRunIsThere;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.Sha256;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.engine.Torch;
import org.sparklora.worker.machine.Machine;
import org.sparklora.worker.spark.Shared;
import org.sparklora.worker.train.DivergedException;

/**
 * A run that trains an adapter and a head for each value of the column {@code data.adapter}, over one base model. Small keys are
 * trained inside tasks, wave by wave; keys with many steps one after the other on all ranks. With {@code lora.init: all} an
 * adapter of all rows comes first, which every key starts from.
 */
public final class KeyedRun {

    private final JobConfig job;
    private final RunSettings settings;
    private final IfRunIsThere ifRunIsThere;
    private final KeyPacking.Limits limits;
    private final String column;
    private final Clock clock = Clock.systemUTC();

    public KeyedRun(JobConfig job, IfRunIsThere ifRunIsThere) throws IOException {
        this(job, ifRunIsThere, KeyPacking.Limits.DEFAULT);
    }

    KeyedRun(JobConfig job, IfRunIsThere ifRunIsThere, KeyPacking.Limits limits) throws IOException {
        JobConfig begun = ifRunIsThere == IfRunIsThere.RESUME ? Resumption.asBegun(job) : job;
        this.job = HostDirectory.pinned(begun).with(begun.arithmetic(Machine.arithmetic()));
        this.settings = new RunSettings(this.job);
        this.ifRunIsThere = ifRunIsThere;
        this.limits = limits;
        this.column = job.data().keyed().adapter().orElseThrow();
    }

    /** What is the same for all keys. */
    private record Session(
            SparkSession spark, JobGroups groups, ExchangeChoice exchange, LostExecutors lost, String instructions) {

        String baseSha256() {
            return groups.model().baseSha256();
        }
    }

    /** Runs the job as a command: opens a Spark session, reads the job's files and prints a summary. */
    public ExitCode run() throws IOException {
        KeyedOutput output = new KeyedOutput(job, clock, ifRunIsThere);
        try {
            JobGroups groups = JobGroups.of(JobModel.open(job));
            output.requireSameBase(groups.model().baseSha256());
            JobRows.requireFiles(job);
            ExchangeChoice exchange = ExchangeChoice.of(job.execution().exchange(), new SparkConf());
            Console.err("%s: reading %s", job.name(), job.data().train().name());
            try (SparkSession spark = Sessions.open("spark-lora " + job.name());
                    LostExecutors lost = LostExecutors.watch(spark.sparkContext())) {
                String instructions =
                        ExecutorSurvey.instructions(JavaSparkContext.fromSparkContext(spark.sparkContext()));
                Session session = new Session(spark, groups, exchange, lost, instructions);
                Console.out("%s", train(session, read(spark, job), output));
            }
            return ExitCode.OK;
        } catch (Throwable e) {
            // Throwable, because Spark throws checked exceptions that no signature declares.
            if (output.failed(e)) {
                return ExitCode.CANCELLED;
            }
            throw e;
        }
    }

    /** Runs the job on a session that stays open, with rows that Spark has already, and their keys. */
    void run(SparkSession spark, DatasetTraining.Rows rows) throws IOException {
        KeyedOutput output = new KeyedOutput(job, clock, ifRunIsThere);
        try (LostExecutors lost = LostExecutors.watch(spark.sparkContext())) {
            JobGroups groups = JobGroups.of(JobModel.open(job));
            ExchangeChoice exchange = ExchangeChoice.of(
                    job.execution().exchange(), spark.sparkContext().conf());
            String instructions = ExecutorSurvey.instructions(JavaSparkContext.fromSparkContext(spark.sparkContext()));
            KeyedTable table =
                    new KeyedTable(rows.training().persist(), rows.validation().map(Dataset::persist));
            try {
                train(new Session(spark, groups, exchange, lost, instructions), table, output);
            } finally {
                table.training().unpersist();
                table.validation().ifPresent(Dataset::unpersist);
            }
        } catch (Throwable e) {
            output.failed(e);
            throw e;
        }
    }

    /** Reads the rows of a job with their keys. */
    static KeyedTable read(SparkSession spark, JobConfig job) {
        Optional<String> key = job.data().keyed().adapter();
        Dataset<Row> training =
                SourceReader.read(spark, job.data().train(), job.model().task(), key);
        Optional<Dataset<Row>> validation = Optional.empty();
        if (job.data().validation().orElse(null) instanceof ValidationConfig.Source own) {
            validation = Optional.of(
                    SourceReader.read(spark, own.source(), job.model().task(), key));
        }
        return new KeyedTable(training.persist(), validation.map(Dataset::persist));
    }

    /** Checks the rows and counts those of each key. Refuses too many keys, and rows without a key. */
    static SortedMap<String, Count> count(JobConfig job, KeyedTable table) {
        table.requireComplete(job.data().keyed().adapter().orElseThrow());
        int maxKeys = job.data().keyed().maxKeys().orElseThrow();
        try {
            return table.count(maxKeys);
        } catch (KeyedTable.TooManyKeysException e) {
            throw new UsageException(
                    "usage.adapter-keys",
                    String.format(
                            Locale.ROOT,
                            "the column '%s' has %,d different values, but data.max_keys is %,d; name a column of keys, or"
                                    + " raise data.max_keys",
                            job.data().keyed().adapter().orElseThrow(),
                            e.keys(),
                            maxKeys));
        }
    }

    /** Divides keys into tasks and waves. */
    static KeyPacking packing(JobGroups groups, SortedMap<String, Long> rows, KeyPacking.Limits limits) {
        JobConfig job = groups.model().job();
        long values = groups.groups().names().stream()
                .flatMap(group -> groups.groups().tensors(group).stream())
                .mapToLong(TensorSpec::size)
                .sum();
        KeyPacking.Sizes sizes = new KeyPacking.Sizes(
                job.data().keyed().minRows().orElseThrow(),
                job.training().batchSize(),
                job.training().shards(),
                values * Float.BYTES);
        return KeyPacking.of(rows, sizes, limits);
    }

    /** Returns the summary of the run. */
    private String train(Session session, KeyedTable table, KeyedOutput output) throws IOException {
        SortedMap<String, Count> all = count(job, table);
        SortedMap<String, Count> counts = output.left(all);
        SortedMap<String, Long> rowsByKey = new TreeMap<>();
        counts.forEach((key, count) -> rowsByKey.put(key, count.training()));
        KeyPacking packing = packing(session.groups(), rowsByKey, limits);
        boolean startsFromAll = job.lora().init().isPresent();
        if (packing.trained() == 0 && output.index().keys().isEmpty() && !startsFromAll) {
            throw new DataException(
                    "data.rows.none",
                    "no key in column '" + column + "' has data.min_rows="
                            + job.data().keyed().minRows().orElseThrow() + " rows; lower it, or set lora.init: all");
        }
        output.started(event(session, packing).reading(SourceTable.origins(table.training(), table.validation())));
        Console.err(
                "%s: %,d keys: %,d to train in %,d tasks and %,d waves, %,d spread over ranks, %,d below data.min_rows",
                job.name(),
                all.size(),
                packing.trained(),
                packing.tasks(),
                packing.waves().size(),
                packing.spread().size(),
                packing.leftOut().size());
        if (startsFromAll && output.index().fallback().isEmpty()) {
            Console.err("%s: training on all rows first (lora.init: all)", job.name());
            KeyResult fallback =
                    onRanks(session, AdapterPack.FALLBACK, table.training(), table.validation(), Optional.empty());
            long rows = all.values().stream().mapToLong(Count::training).sum();
            long held = all.values().stream().mapToLong(Count::validation).sum();
            output.commitFallback(fallback, new Count(rows, held, digest(all)), session.baseSha256());
        }
        Optional<KeyedAdapter> start = output.fallback();
        output.commitLeftOut(
                packing.leftOut(), counts, job.data().keyed().minRows().orElseThrow());
        trainInTasks(session, table, packing, start, counts, output);
        for (String key : packing.spread()) {
            KeyResult result = spread(session, key, table, start);
            output.commit(List.of(result), counts, session.baseSha256());
        }
        if (packing.trained() > 0 && KeyedSummary.count(output.index(), Outcome.TRAINED) == 0) {
            String reason = output.index().keys().values().stream()
                    .filter(entry -> entry.outcome() == Outcome.FAILED)
                    .findFirst()
                    .orElseThrow()
                    .reason();
            throw new DivergedException("diverged.keys", "every key failed; the first: " + reason);
        }
        return output.finished();
    }

    private void trainInTasks(
            Session session,
            KeyedTable table,
            KeyPacking packing,
            Optional<KeyedAdapter> start,
            SortedMap<String, Count> counts,
            KeyedOutput output)
            throws IOException {
        JobModel model = session.groups().model();
        RunSetup setup = session.groups().setup();
        KeyTask.Constants constants = new KeyTask.Constants(
                ResolvedYaml.write(job),
                session.groups().groups(),
                start.map(KeyedAdapter::values).orElse(setup.init()),
                labels(start).map(ArrayList::new).orElse(null),
                new KeyTask.Model(model.source(), model.baseSha256(), model.tokenizer(), session.instructions()));
        JavaSparkContext spark =
                JavaSparkContext.fromSparkContext(session.spark().sparkContext());
        Shared<KeyTask.Constants> shared = Shared.of(spark, constants);
        int done = 0;
        for (List<List<String>> wave : packing.waves()) {
            spark.sc()
                    .setJobDescription("keys, wave " + (done + 1) + " of "
                            + packing.waves().size());
            output.commit(table.work(wave, new KeyTask(shared)), counts, session.baseSha256());
            done++;
            Console.err(
                    "%s: wave %d/%d: %,d keys trained, %,d failed",
                    job.name(),
                    done,
                    packing.waves().size(),
                    KeyedSummary.count(output.index(), Outcome.TRAINED),
                    KeyedSummary.count(output.index(), Outcome.FAILED));
        }
        shared.destroy(true);
    }

    /** The labels of every key: the job's, or those of the adapter that keys start from, whose head has them. */
    private Optional<List<String>> labels(Optional<KeyedAdapter> start) {
        return start.map(KeyedAdapter::labels).or(() -> job.model().labels());
    }

    private KeyResult spread(Session session, String key, KeyedTable table, Optional<KeyedAdapter> start) {
        try {
            return onRanks(
                    session,
                    key,
                    KeyedTable.of(table.training(), key),
                    table.validation().map(rows -> KeyedTable.of(rows, key)),
                    start);
        } catch (DataException | DivergedException e) {
            return KeyResult.failed(key, List.of(), ExitCode.message(e));
        }
    }

    /** Trains on all ranks, as {@code train} does. */
    private KeyResult onRanks(
            Session session,
            String name,
            Dataset<Row> training,
            Optional<Dataset<Row>> validation,
            Optional<KeyedAdapter> start) {
        JobGroups groups = session.groups();
        JobModel model = groups.model();
        // Tables of their own, since preparing them frees what Spark persists of them.
        DatasetTraining.Rows rows = new DatasetTraining.Rows(
                training.drop(SourceReader.KEY), validation.map(held -> held.drop(SourceReader.KEY)), labels(start));
        RunData data = JobRows.of(job, rows).prepare(job, model);
        RunSetup setup =
                start.map(from -> groups.setup().startingFrom(from.values())).orElseGet(groups::setup);
        RunLength length = settings.length(data.training().plan().stepsPerEpoch());
        LoraManifest manifest = setup.withHead(JobRows.head(job, data.labels()), length);
        RunOutput.Start begin = new RunOutput.Start(
                model, manifest, setup.initial(length), data, session.exchange(), session.instructions());
        KeyResult.Epochs epochs = new KeyResult.Epochs();
        try (PlacedData placed = PlacedData.of(session.spark(), data, session.exchange());
                SparkEpochRunner runner =
                        TrainingRun.runner(session.spark(), setup, begin, placed, epochs, session.lost())) {
            TrainingLoop loop = new TrainingLoop(
                    start.isPresent()
                            ? setup.initializer(manifest, data.labels())
                            : groups.initializer(manifest, data.labels()),
                    setup.training(manifest, data.training().plan()),
                    runner,
                    epochs,
                    clock);
            TrainingLoop.Result result = loop.run(checkpoint -> {});
            long held = data.validation().map(of -> of.statistics().examples()).orElse(0L);
            return KeyResult.of(
                    name,
                    epochs.all,
                    manifest,
                    result,
                    new KeyResult.Rows(data.training().plan().examples(), held, data.labels()));
        }
    }

    private static String digest(SortedMap<String, Count> counts) {
        StringBuilder all = new StringBuilder();
        counts.forEach((key, count) -> all.append(count.sha256()).append('\n'));
        return Sha256.hex(all.toString());
    }

    private HistoryEvent event(Session session, KeyPacking packing) {
        String yaml = ResolvedYaml.write(job);
        int shards = job.training().shards();
        return HistoryEvent.run(
                new HistoryEvent.Configuration(Sha256.hex(yaml), yaml, 0, Resumption.atStart(job)),
                session.baseSha256(),
                Map.of("seed", job.seed()),
                new HistoryEvent.Environment(
                        Map.of(
                                "spark-lora", ProductVersion.current(),
                                "spark", session.spark().version(),
                                "java", Runtime.version().toString(),
                                "pytorch", Torch.version()),
                        List.of(Machine.hardware().cpu())),
                Map.of(
                        "keys",
                        packing.trained() + " to train, " + packing.spread().size()
                                + " of them spread over ranks, since" + " training.shards is " + shards,
                        "instructions",
                        session.instructions()));
    }
}
