package org.sparklora.driver.ml;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.spark.ml.evaluation.MulticlassClassificationEvaluator;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.ml.tuning.CrossValidator;
import org.apache.spark.ml.tuning.CrossValidatorModel;
import org.apache.spark.ml.tuning.TrainValidationSplit;
import org.apache.spark.ml.tuning.TrainValidationSplitModel;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerJobStart;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.sparklora.driver.cluster.data.DataException;
import org.sparklora.worker.machine.Machine;
import org.sparklora.worker.train.DivergedException;

/** Fits of one session share what they have in common, and have the bits of fits that share nothing. */
class FitCacheTest {

    private static final String SETTING = "spark.lora.fitCache";

    private SparkSession spark;
    private Dataset<Row> rows;

    /** Spark jobs that computed trunk activations. */
    private final AtomicInteger trunks = new AtomicInteger();

    @TempDir
    private Path folder;

    @BeforeEach
    void start() {
        spark = LocalSpark.open("local[2]");
        spark.sparkContext().addSparkListener(new SparkListener() {
            @Override
            public void onJobStart(SparkListenerJobStart job) {
                String description = job.properties().getProperty("spark.job.description", "");
                trunks.addAndGet(description.contains("caches activations") ? 1 : 0);
            }
        });
        rows = rows(0);
    }

    @AfterEach
    void stop() {
        spark.stop();
    }

    /** Rows of which one has another word, and so many words more. */
    private Dataset<Row> rows(int words) {
        return LocalSpark.rows(spark, 24, 2)
                .withColumn("index", functions.col("label").equalTo("yes").cast("double"))
                .withColumn("text", functions.expr("if(id = 5, text || repeat(' great', " + words + "), text)"));
    }

    private static LoraTextClassifier quick() {
        return LocalSpark.classifier().setLabelCol("index").setMaxIter(1).setJobOverrides(new String[] {
            "training.data_seed=5"
        });
    }

    private int trunks() throws Exception {
        spark.sparkContext().listenerBus().waitUntilEmpty();
        return trunks.getAndSet(0);
    }

    private <T> T without(Supplier<T> fit) {
        spark.conf().set(SETTING, "off");
        try {
            return fit.get();
        } finally {
            spark.conf().unset(SETTING);
        }
    }

    private static String bytes(Object model) {
        return ((LoraTextClassificationModel) model)
                .run()
                .model()
                .adapter()
                .values()
                .sha256();
    }

    private static ParamMap[] grid(LoraTextClassifier of) {
        return new ParamMap[] {
            new ParamMap()
                    .put(of.r().w(2))
                    .put(of.stepSize().w(0.01))
                    .put(of.seed().w(1)),
            new ParamMap()
                    .put(of.r().w(4))
                    .put(of.stepSize().w(0.02))
                    .put(of.seed().w(2)),
            new ParamMap()
                    .put(of.r().w(2))
                    .put(of.stepSize().w(0.05))
                    .put(of.seed().w(3))
        };
    }

    private static MulticlassClassificationEvaluator logLoss() {
        return new MulticlassClassificationEvaluator().setLabelCol("index").setMetricName("logLoss");
    }

    /** Metrics and all adapters. */
    private record Tuned(List<Double> metrics, List<String> adapters) {}

    private Tuned crossValidated(int parallelism) {
        LoraTextClassifier classifier = quick();
        CrossValidatorModel model = new CrossValidator()
                .setEstimator(classifier)
                .setEvaluator(logLoss())
                .setEstimatorParamMaps(grid(classifier))
                .setNumFolds(2)
                .setSeed(1)
                .setParallelism(parallelism)
                .setCollectSubModels(true)
                .fit(rows);
        List<String> adapters = new ArrayList<>(List.of(bytes(model.bestModel())));
        Stream.of(model.subModels()).flatMap(Stream::of).forEach(sub -> adapters.add(bytes(sub)));
        return new Tuned(DoubleStream.of(model.avgMetrics()).boxed().toList(), adapters);
    }

    @Test
    void aCrossValidatorComputesTheTrunkOnceForEachFoldWithTheBitsOfSeparateFits() throws Exception {
        Tuned separate = without(() -> crossValidated(1));
        assertThat(trunks()).isEqualTo(2 * 3 + 1);
        assertThat(separate.adapters()).doesNotHaveDuplicates();
        assertThat(crossValidated(1)).isEqualTo(separate);
        assertThat(trunks()).as("two folds and all rows").isEqualTo(3);
    }

    @Test
    void parallelismChangesNeitherBitsNorWhatIsShared() throws Exception {
        Tuned separate = without(() -> crossValidated(2));
        trunks();
        assertThat(crossValidated(3)).isEqualTo(separate);
        assertThat(trunks()).isEqualTo(3);
    }

    private Tuned split() {
        LoraTextClassifier classifier = quick().setValidationIndicatorCol("held");
        TrainValidationSplitModel model = new TrainValidationSplit()
                .setEstimator(classifier)
                .setEvaluator(logLoss())
                .setEstimatorParamMaps(grid(classifier))
                .setTrainRatio(0.7)
                .setSeed(1)
                .setCollectSubModels(true)
                .fit(rows);
        List<String> adapters = new ArrayList<>(List.of(bytes(model.bestModel())));
        Stream.of(model.subModels()).forEach(sub -> adapters.add(bytes(sub)));
        return new Tuned(DoubleStream.of(model.validationMetrics()).boxed().toList(), adapters);
    }

    /** With rows that each fit validates on. */
    @Test
    void aTrainValidationSplitSharesToo() throws Exception {
        Tuned separate = without(this::split);
        assertThat(trunks()).isEqualTo(2 * (3 + 1));
        assertThat(split()).isEqualTo(separate);
        assertThat(trunks())
                .as("training and validation rows, of the split and of all")
                .isEqualTo(2 * 2);
    }

    /** What decides bits of shards or trunk. */
    private static Stream<Arguments> changes() {
        return Stream.of(
                change("data seed", c -> c.setJobOverrides(new String[] {"training.data_seed=6"})),
                change("order", c -> c.setJobOverrides(new String[] {"data.order=given"})),
                change("rows of a step", c -> c.setBatchSize(4)),
                change("shards", c -> c.setShards(4)),
                change("tokens of a text", c -> c.setMaxLength(6)),
                change("labels", c -> c.setLabels(new String[] {"1", "0"})),
                change("weights of rows", c -> c.setWeightCol("id")),
                change(
                        "weights of classes",
                        c -> c.setJobOverrides(
                                new String[] {"training.data_seed=5", "training.class_weights={'0': 1.0, '1': 3.0}"})),
                change(
                        "type of the cache",
                        c -> c.setJobOverrides(
                                new String[] {"training.data_seed=5", "execution.activation_cache_type=float16"})),
                change("trunk", c -> c.setGroups(LocalSpark.TOP.replace("11", "10"))),
                change("precision", c -> c.setPrecision("bfloat16")));
    }

    private static Arguments change(String what, Consumer<LoraTextClassifier> change) {
        return Arguments.of(what, change);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("changes")
    void fitsShareNothingThatDiffers(String what, Consumer<LoraTextClassifier> change) {
        assumeTrue(
                !what.equals("precision") || Machine.hardware().hasBfloat16(),
                "this processor has no instructions for bfloat16");
        LoraTextClassifier other = quick();
        change.accept(other);
        String separate = without(() -> bytes(other.fit(rows)));
        assertThat(bytes(quick().fit(rows))).isNotEqualTo(separate);
        assertThat(bytes(other.fit(rows))).isEqualTo(separate);
    }

    @Test
    void theExchangesDoNotShareRowsThatLieOtherwise() {
        String[] driver = {"training.data_seed=5", "execution.exchange=driver"};
        String peer = bytes(quick().fit(rows));
        assertThat(bytes(quick().setJobOverrides(driver).fit(rows))).isEqualTo(peer);
        assertThat(bytes(quick().fit(rows))).isEqualTo(peer);
    }

    /** The number of rows stays. */
    @Test
    void aChangedRowIsAnotherDatasetAndTheSameRowsAreTheSame() throws Exception {
        String separate = without(() -> bytes(quick().fit(rows(1))));
        trunks();
        String before = bytes(quick().fit(rows));
        assertThat(bytes(quick().fit(rows(1)))).isEqualTo(separate).isNotEqualTo(before);
        assertThat(trunks()).isEqualTo(2);
        assertThat(bytes(quick().fit(rows(0).repartition(3)))).isEqualTo(before);
        assertThat(trunks()).as("the rows in another order").isZero();
    }

    /** Files of the base model may be replaced in place. */
    @ParameterizedTest
    @ValueSource(strings = {"vocab.txt", "config.json"})
    void aReplacedFileOfTheBaseModelIsAnotherOne(String file) throws Exception {
        Path model = RandomBert.write(folder.resolve("model"), List.of("great", "bad", "plot", "is", "very"));
        LoraTextClassifier classifier = quick().setBaseModel(model.toString())
                .setGroups("{top: {target_modules: [query, value], layers_to_transform: [1]}}");
        String before = bytes(classifier.fit(rows));
        String text = Files.readString(model.resolve(file));
        Files.writeString(
                model.resolve(file),
                file.equals("vocab.txt")
                        ? text.replace("great\nbad", "bad\ngreat")
                        : text.replace("\"gelu\"", "\"gelu_new\""));
        String separate = without(() -> bytes(classifier.fit(rows)));
        assertThat(bytes(classifier.fit(rows))).isEqualTo(separate).isNotEqualTo(before);
    }

    @Test
    void theRowsOfTwoLayoutsStayAndTheOldestGoFirst() throws Exception {
        fit(4, 8, 4);
        assertThat(trunks()).isEqualTo(2);
        int two = spark.sparkContext().getPersistentRDDs().size();
        // 8 was used longest ago.
        fit(2, 4);
        assertThat(trunks()).isEqualTo(1);
        fit(8, 8, 4);
        assertThat(trunks()).isEqualTo(1);
        assertThat(spark.sparkContext().getPersistentRDDs().size()).isEqualTo(two);
    }

    private void fit(int... batchSizes) {
        IntStream.of(batchSizes).forEach(size -> quick().setBatchSize(size).fit(rows));
    }

    @Test
    void aFitThatFailsLeavesTheRowsToTheOthers() throws Exception {
        String separate = without(() -> bytes(quick().fit(rows)));
        trunks();
        assertThatThrownBy(() -> quick().setStepSize(1e38).setMaxIter(3).fit(rows))
                .isInstanceOf(DivergedException.class);
        Dataset<Row> incomplete = rows.withColumn("text", functions.expr("if(id = 5, null, text)"));
        for (int time = 0; time < 2; time++) {
            assertThatThrownBy(() -> quick().fit(incomplete))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("the text is missing");
        }
        assertThat(bytes(quick().fit(rows))).isEqualTo(separate);
        assertThat(trunks()).isEqualTo(1);
    }

    @Test
    void aSettingThatIsNeitherOnNorOffIsRefused() {
        spark.conf().set(SETTING, "of");
        assertThatThrownBy(() ->
                        quick().setOutputDir(folder.resolve("run").toString()).fit(rows))
                .hasMessage("spark.lora.fitCache=of is neither on nor off; correct it [settings.spark]");
        assertThat(folder.resolve("run")).doesNotExist();
    }
}
