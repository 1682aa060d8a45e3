package org.sparklora.driver.ml;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.util.functional.FunctionRaisingIOE;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.ml.Model;
import org.apache.spark.ml.linalg.SQLDataTypes;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.ml.util.DefaultParamsReader;
import org.apache.spark.ml.util.DefaultParamsReader$;
import org.apache.spark.ml.util.DefaultParamsWriter$;
import org.apache.spark.ml.util.HasTrainingSummary;
import org.apache.spark.ml.util.MLReader;
import org.apache.spark.ml.util.MLWritable;
import org.apache.spark.ml.util.MLWriter;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.api.java.UDF2;
import org.apache.spark.sql.api.java.UDF3;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.cluster.Locations;
import org.sparklora.driver.cluster.data.DatasetRows;
import org.sparklora.driver.model.predict.HeadOutputs;
import org.sparklora.driver.model.predict.KeyedAdapters;
import org.sparklora.driver.model.predict.KeyedModels;
import org.sparklora.driver.model.predict.RowFunction;
import org.sparklora.driver.model.predict.RowModels;
import org.sparklora.driver.model.predict.RowScorer;
import org.sparklora.driver.model.predict.ScoreRows;
import org.sparklora.driver.model.predict.ScoreTexts;
import org.sparklora.driver.training.FitCache;
import org.sparklora.driver.training.TrainedRun;
import org.sparklora.worker.contract.Precision;
import org.sparklora.worker.inference.Scorer.Pooling;
import org.sparklora.worker.inference.TrainedModel;
import org.sparklora.worker.spark.Shared;

/**
 * A trained model that scores datasets. A row without text gets nulls; other columns, rows and their order stay as they are.
 * Executors load the base model once per JVM from the same path that the driver has it at, and merge the adapter into copies
 * of the weights that it adapts.
 *
 * <p>Saved, it is Spark's metadata, the run that trained it under {@code run} (so that {@code predict --run PATH/run} takes
 * it, too), and under {@code base} the base model if {@code embedBase} was set. Reading one checks the adapter and the base
 * model by their digests: {@link org.sparklora.driver.watch.verify.CorruptRunException} where a file of the run is missing or not its
 * own, {@link org.sparklora.worker.encoder.ModelException} where the base model is not there or another one, {@link
 * IllegalArgumentException} where the path holds another class or the base model in it lies on a remote file system.
 *
 * @param <M> the model itself
 */
public abstract class LoraModel<M extends LoraModel<M>> extends Model<M>
        implements TextParams<M>, MLWritable, HasTrainingSummary<LoraTrainingSummary> {

    private static final long serialVersionUID = 1L;
    private static final String RUN = "/run";
    private static final String BASE = "/base";

    private final String uid;
    private final transient TrainedRun run;
    private final boolean embedsBase;
    private final transient Maker<M> maker;
    private final ParamTable paramTable;

    /** Shared by all datasets of this model; Spark removes it when nothing refers to it any more. */
    private transient @Nullable Shared<TrainedModel> broadcast;

    private transient @Nullable Shared<KeyedAdapters> keyedBroadcast;

    private transient Optional<Precision> precisionOfBroadcast = Optional.empty();

    private scala.Option<LoraTrainingSummary> trainingSummary = scala.Option.empty();

    LoraModel(String uid, TrainedRun run, boolean embedsBase, Maker<M> maker) {
        this.uid = uid;
        this.run = run;
        this.embedsBase = embedsBase;
        this.maker = maker;
        this.paramTable = new ParamTable(this);
    }

    @Override
    public final String uid() {
        return uid;
    }

    @Override
    public final ParamTable paramTable() {
        return paramTable;
    }

    /** A schema with the columns that this model adds, in their order. */
    abstract StructType withOutputs(StructType schema);

    /** What is written into those columns, of rows with this schema. */
    abstract RowScorer scorer(StructType schema);

    /** Refuses columns of texts that are missing or have another type. */
    void requireInput(StructType schema) {
        Schemas.requireTextOrPair(schema, this);
    }

    /** Scores texts: a model's own columns, and the text's vector where it is asked for. */
    final RowScorer ofTexts(StructType schema, HeadOutputs outputs) {
        return new ScoreTexts(
                new ScoreTexts.Columns(
                        schema.fieldIndex(Schemas.name(schema, getTextCol(), "textCol")),
                        isDefined(textPairCol())
                                ? schema.fieldIndex(Schemas.name(schema, getTextPairCol(), "textPairCol"))
                                : ScoreTexts.NO_PAIR,
                        isDefined(embeddingCol()) ? Pooling.valueOf(getPooling().toUpperCase(Locale.ROOT)) : null),
                outputs);
    }

    /** The vectors that a model writes: logits, then probabilities, those that are asked for. */
    static List<HeadOutputs.Column> vectors(LogitParams<?> of) {
        List<HeadOutputs.Column> vectors = new ArrayList<>();
        if (!of.getRawPredictionCol().isEmpty()) {
            vectors.add(HeadOutputs.Column.LOGITS);
        }
        if (!of.getProbabilityCol().isEmpty()) {
            vectors.add(HeadOutputs.Column.PROBABILITIES);
        }
        return vectors;
    }

    final TrainedRun run() {
        return run;
    }

    /**
     * How the model was trained; {@link #hasSummary} says whether it is known. It is not in models of 0.1.0, nor in those with
     * an adapter for each key.
     *
     * <p>{@code summary()} throws Spark's {@link org.apache.spark.SparkException} without one.
     */
    @Override
    public final scala.Option<LoraTrainingSummary> trainingSummary() {
        return trainingSummary;
    }

    /** Spark's setter of the field. */
    @Override
    public final void trainingSummary_$eq(scala.Option<LoraTrainingSummary> summary) {
        trainingSummary = summary;
    }

    final M withSummary(Optional<LoraTrainingSummary> summary) {
        trainingSummary = scala.Option.apply(summary.orElse(null));
        @SuppressWarnings("unchecked")
        M self = (M) this;
        return self;
    }

    /** The same trained run, with its summary and a copy of the Params. */
    @Override
    public final M copy(ParamMap extra) {
        M copy = copyValues(maker.of(uid, run, embedsBase), extra).setParent(parent());
        copy.trainingSummary_$eq(trainingSummary);
        return copy;
    }

    /**
     * A schema with the columns that this model adds, behind those that are there.
     *
     * @throws IllegalArgumentException if a column is missing, has another type, or would be overwritten
     */
    @Override
    public final StructType transformSchema(StructType schema) {
        requireInput(schema);
        if (run.keyColumn().isPresent()) {
            keyColumn(schema);
        }
        StructType with = withOutputs(schema);
        return isDefined(embeddingCol())
                ? Schemas.with(with, getEmbeddingCol(), SQLDataTypes.VectorType(), "embeddingCol")
                : with;
    }

    /**
     * Adds this model's columns to every row, lazily: nothing is computed before an action. A prediction depends on its text
     * alone; other rows of its batch may change its last bits, because float32 rounds.
     *
     * @throws IllegalArgumentException as {@link #transformSchema}
     */
    @Override
    public final Dataset<Row> transform(Dataset<?> dataset) {
        StructType out = transformSchema(dataset.schema(), true);
        SparkSession spark = dataset.sparkSession();
        Dataset<Row> rows = dataset.toDF();
        if (run.keyColumn().isPresent()) {
            // A column behind the others, which the selection below leaves out.
            rows = rows.withColumn(keyName(), DatasetRows.text(rows, keyColumn(dataset.schema())));
        }
        StructType schema = rows.schema();
        // A model that was read is most likely the only one.
        RowModels models = models(spark, schema, hasParent() && FitCache.isOn(spark));
        ScoreRows score = new ScoreRows(models, scorer(schema), ScoreRows.Counters.of(spark.sparkContext()));
        Dataset<Row> scored = rows.mapPartitions(score, Encoders.row(transformSchema(schema)));
        // mapPartitions drops metadata, such as the names of classes.
        return scored.select(Arrays.stream(out.fields())
                .map(field -> DatasetRows.named(field.name()).as(field.name(), field.metadata()))
                .toArray(Column[]::new));
    }

    /** What computes rows with this schema; the column of their keys is {@link #keyName}. */
    private RowModels models(SparkSession spark, StructType schema, boolean sharesTrunk) {
        if (run.keyColumn().isPresent()) {
            return new KeyedModels(
                    keyed(spark), schema.fieldIndex(keyName()), KeyedModels.Counters.of(spark.sparkContext()));
        }
        return new RowModels.One(trained(spark), sharesTrunk);
    }

    private String keyName() {
        return uid + " key";
    }

    /**
     * Makes this model a function of SQL in a session, as in {@code SELECT sentiment(review) FROM reviews}. It takes the text, then
     * the second text if {@code textPairCol} is set, then the key if the model has an adapter for each; a model of words takes an
     * array of words. It gives the label, the value, the array of labels, or the array of tags; null for a row without text. Later
     * changes of Params do not change it.
     *
     * <p>Spark calls it for each row, so it computes batches of one row. For whole tables {@link #transform} is several times faster.
     */
    public final void registerUdf(SparkSession spark, String name) {
        M plain = copy(ParamMap.empty());
        plain.clear(embeddingCol());
        if (plain instanceof LogitParams<?> vectors) {
            vectors.setRawPredictionCol("");
            vectors.setProbabilityCol("");
        }
        if (plain instanceof ClassifierParams<?> classes) {
            classes.setPredictedLabelCol(uid + " label");
        }
        StructType arguments = inputs();
        StructType outputs = plain.withOutputs(arguments);
        RowFunction function =
                new RowFunction(name, arguments, models(spark, arguments, false), plain.scorer(arguments));
        DataType gives = outputs.apply(outputs.length() - 1).dataType();
        switch (arguments.length()) {
            case 1 -> spark.udf().register(name, (UDF1<Object, @Nullable Object>) function, gives);
            case 2 -> spark.udf().register(name, (UDF2<Object, Object, @Nullable Object>) function, gives);
            default -> spark.udf().register(name, (UDF3<Object, Object, Object, @Nullable Object>) function, gives);
        }
    }

    /** The columns that this model reads, the key last. */
    private StructType inputs() {
        StructType texts = new StructType().add(getTextCol(), typeOfText());
        if (isDefined(textPairCol())) {
            texts = texts.add(getTextPairCol(), DataTypes.StringType);
        }
        return run.keyColumn().isPresent() ? texts.add(keyName(), DataTypes.StringType) : texts;
    }

    /** Texts, or arrays of words. */
    DataType typeOfText() {
        return DataTypes.StringType;
    }

    /** The key's column as the dataset has it: that of the Param, or else the one that the run was trained by. */
    private String keyColumn(StructType schema) {
        String column =
                isDefined(adapterCol()) ? getAdapterCol() : run.keyColumn().orElseThrow();
        return Schemas.name(schema, column, "adapterCol");
    }

    private Optional<Precision> wanted() {
        return isDefined(precision())
                ? Optional.of(Precision.valueOf(getPrecision().toUpperCase(Locale.ROOT)))
                : Optional.empty();
    }

    private synchronized Shared<KeyedAdapters> keyed(SparkSession spark) {
        Optional<Precision> wanted = wanted();
        Shared<KeyedAdapters> there = keyedBroadcast;
        if (there == null || !there.broadcast().isValid() || !wanted.equals(precisionOfBroadcast)) {
            there = Shared.of(JavaSparkContext.fromSparkContext(spark.sparkContext()), run.keyed(wanted));
            keyedBroadcast = there;
            precisionOfBroadcast = wanted;
        }
        return there;
    }

    private synchronized Shared<TrainedModel> trained(SparkSession spark) {
        Optional<Precision> wanted = wanted();
        Shared<TrainedModel> there = broadcast;
        if (there == null || !there.broadcast().isValid() || !wanted.equals(precisionOfBroadcast)) {
            there = Shared.of(JavaSparkContext.fromSparkContext(spark.sparkContext()), run.model(wanted));
            broadcast = there;
            precisionOfBroadcast = wanted;
        }
        return there;
    }

    /** Saves this model as the class says: {@code write().overwrite().save(path)}, a path or URI. */
    @Override
    public final MLWriter write() {
        return new Writer(this);
    }

    /** Saves a model. */
    private static final class Writer extends MLWriter {

        private final LoraModel<?> model;

        Writer(LoraModel<?> model) {
            this.model = model;
        }

        @Override
        public void saveImpl(String path) {
            DefaultParamsWriter$.MODULE$.saveMetadata(model, path, sc(), scala.Option.empty(), scala.Option.empty());
            String qualified = qualified(path, sc().hadoopConfiguration());
            model.run.write(qualified + RUN);
            if (model.hasSummary()) {
                model.summary().write(Locations.directory(qualified));
            }
            if (model.embedsBase) {
                copy(model.run.base(), qualified + BASE, sc().hadoopConfiguration());
            }
        }

        private static void copy(Path base, String to, Configuration hadoop) {
            org.apache.hadoop.fs.Path target = new org.apache.hadoop.fs.Path(to);
            try (Stream<Path> files = Files.list(base)) {
                FileSystem system = target.getFileSystem(hadoop);
                for (Path file : files.filter(Files::isRegularFile).sorted().toList()) {
                    system.copyFromLocalFile(
                            new org.apache.hadoop.fs.Path(file.toUri()),
                            new org.apache.hadoop.fs.Path(target, String.valueOf(file.getFileName())));
                }
            } catch (IOException e) {
                throw new UncheckedIOException("the base model " + base + " cannot be copied to " + to, e);
            }
        }
    }

    private static String qualified(String path, Configuration hadoop) {
        org.apache.hadoop.fs.Path plain = new org.apache.hadoop.fs.Path(path);
        return lookUp(plain, hadoop, system -> system.makeQualified(plain).toString());
    }

    private static <T> T lookUp(
            org.apache.hadoop.fs.Path path, Configuration hadoop, FunctionRaisingIOE<FileSystem, T> asked) {
        try {
            return asked.apply(path.getFileSystem(hadoop));
        } catch (IOException e) {
            throw new UncheckedIOException(path + " cannot be looked up", e);
        }
    }

    /** Creates a model from a saved run. */
    @FunctionalInterface
    interface Maker<M> {
        M of(String uid, TrainedRun run, boolean embedsBase);
    }

    /** Reads saved models of one class. */
    static final class Reader<M extends LoraModel<M>> extends MLReader<M> {

        private final String className;
        private final Maker<M> maker;
        private final Optional<Path> base;

        /**
         * @param base where the base model lies now, if neither in the saved model nor where it lay
         */
        Reader(Class<M> type, Maker<M> maker, Optional<Path> base) {
            this.className = type.getName();
            this.maker = maker;
            this.base = base;
        }

        @Override
        public M load(String path) {
            DefaultParamsReader.Metadata metadata = DefaultParamsReader$.MODULE$.loadMetadata(path, sc(), className);
            String qualified = qualified(path, sc().hadoopConfiguration());
            org.apache.hadoop.fs.Path saved = new org.apache.hadoop.fs.Path(qualified + BASE);
            boolean embedded = lookUp(saved, sc().hadoopConfiguration(), system -> system.exists(saved));
            Optional<String> moved = base.map(directory -> directory.toUri().toString());
            TrainedRun run = TrainedRun.read(
                    qualified + RUN, moved.isEmpty() && embedded ? Optional.of(qualified + BASE) : moved);
            M model = maker.of(metadata.uid(), run, embedded)
                    .withSummary(LoraTrainingSummary.read(Locations.directory(qualified)));
            metadata.getAndSetParams(model, scala.Option.empty());
            return model;
        }
    }
}
