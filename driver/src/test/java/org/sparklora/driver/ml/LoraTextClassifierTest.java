package org.sparklora.driver.ml;

import static org.apache.spark.sql.functions.expr;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.spark.ml.Pipeline;
import org.apache.spark.ml.PipelineModel;
import org.apache.spark.ml.PipelineStage;
import org.apache.spark.ml.evaluation.BinaryClassificationEvaluator;
import org.apache.spark.ml.evaluation.MulticlassClassificationEvaluator;
import org.apache.spark.ml.feature.IndexToString;
import org.apache.spark.ml.feature.StringIndexer;
import org.apache.spark.ml.linalg.Vector;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.sparklora.worker.machine.Machine;

/** The classifier as users of Spark ML take it. */
class LoraTextClassifierTest {

    private static SparkSession spark;

    @TempDir
    private static Path folder;

    /** Trained once: most tests look at what it predicts. */
    private static LoraTextClassificationModel model;

    @BeforeAll
    static void train() {
        spark = LocalSpark.open("local[2]");
        model = LocalSpark.classifier().fit(LocalSpark.rows(spark, 32, 3));
    }

    @AfterAll
    static void stop() {
        spark.stop();
    }

    private static List<Row> ordered(Dataset<Row> rows) {
        return rows.orderBy("id").collectAsList();
    }

    @Test
    void everyColumnAndRowStaysAndPredictionsComeBeside() {
        Dataset<Row> rows = LocalSpark.rows(spark, 40, 3);
        Dataset<Row> scored = model.transform(rows);
        assertThat(scored.columns())
                .containsExactly("id", "text", "label", "value", "held", "rawPrediction", "probability", "prediction");
        assertThat(scored.select("id").collectAsList())
                .isEqualTo(rows.select("id").collectAsList());
        for (Row row : scored.collectAsList()) {
            Vector raw = row.getAs("rawPrediction");
            Vector probability = row.getAs("probability");
            double sum = StrictMath.exp(raw.apply(0)) + StrictMath.exp(raw.apply(1));
            assertThat(probability.apply(0)).isCloseTo(StrictMath.exp(raw.apply(0)) / sum, within(1e-9));
            assertThat(probability.apply(0) + probability.apply(1)).isCloseTo(1, within(1e-12));
            assertThat((double) row.getAs("prediction")).isEqualTo(raw.apply(1) > raw.apply(0) ? 1.0 : 0.0);
        }
    }

    @Test
    void whatItLearntIsWhatTheRowsSay() {
        Dataset<Row> scored = new StringIndexer()
                .setInputCol("label")
                .setOutputCol("index")
                .setStringOrderType("alphabetAsc")
                .fit(LocalSpark.rows(spark, 64, 2))
                .transform(model.transform(LocalSpark.rows(spark, 64, 2)));
        assertThat(new MulticlassClassificationEvaluator()
                        .setLabelCol("index")
                        .setMetricName("accuracy")
                        .evaluate(scored))
                .isGreaterThan(0.9);
        assertThat(new BinaryClassificationEvaluator().setLabelCol("index").evaluate(scored))
                .isGreaterThan(0.95);
    }

    @Test
    void predictionsHangOnTheTextAloneNotOnPartitionsOrNeighbours() {
        List<Row> together = ordered(model.transform(LocalSpark.rows(spark, 40, 1)));
        List<Row> apart = ordered(model.transform(LocalSpark.rows(spark, 40, 7)));
        for (int i = 0; i < together.size(); i++) {
            Vector one = together.get(i).getAs("rawPrediction");
            Vector other = apart.get(i).getAs("rawPrediction");
            assertThat(one.apply(0)).isCloseTo(other.apply(0), within(1e-5));
            assertThat((double) together.get(i).getAs("prediction"))
                    .isEqualTo(apart.get(i).getAs("prediction"));
        }
    }

    @Test
    void aRowWithoutTextGetsNullsAndItsNeighboursTheirPredictions() {
        StructType schema = new StructType().add("id", DataTypes.IntegerType).add("text", DataTypes.StringType);
        List<Row> rows = List.of(
                RowFactory.create(0, "great plot"),
                RowFactory.create(1, null),
                RowFactory.create(2, ""),
                RowFactory.create(3, "bad plot"));
        List<Row> scored = ordered(model.copy(ParamMap.empty())
                .setPredictedLabelCol("said")
                .setEmbeddingCol("vector")
                .transform(spark.createDataFrame(rows, schema)));
        for (int row : List.of(1, 2)) {
            for (String column : List.of("rawPrediction", "probability", "prediction", "said", "vector")) {
                assertThat(scored.get(row).isNullAt(scored.get(row).fieldIndex(column)))
                        .as(column)
                        .isTrue();
            }
        }
        assertThat((String) scored.get(0).getAs("said")).isEqualTo("yes");
        assertThat((String) scored.get(3).getAs("said")).isEqualTo("no");
        assertThat(((Vector) scored.get(3).getAs("vector")).size()).isEqualTo(32);
    }

    @Test
    void embeddingsOfTheFirstTokenAndTheMeanOfAll() {
        Dataset<Row> rows = LocalSpark.rows(spark, 6, 2);
        LoraTextClassificationModel cls = model.copy(ParamMap.empty()).setEmbeddingCol("vector");
        List<Row> first = ordered(cls.transform(rows));
        List<Row> mean = ordered(cls.setPooling("mean").transform(rows));
        assertThat((Vector) first.get(0).getAs("vector"))
                .isNotEqualTo(mean.get(0).getAs("vector"));
        // Rows of other lengths beside it, and padding, do not change a mean.
        Dataset<Row> alone = rows.where("id = 4");
        Vector beside = mean.get(4).getAs("vector");
        Vector own = ordered(cls.transform(alone)).get(0).getAs("vector");
        for (int i = 0; i < own.size(); i++) {
            assertThat(own.apply(i)).isCloseTo(beside.apply(i), within(1e-5));
        }
    }

    @Test
    void aModelPredictsInThePrecisionThatIsSet() {
        assumeTrue(Machine.hardware().hasBfloat16(), "this processor has no instructions for bfloat16");
        Dataset<Row> rows = LocalSpark.rows(spark, 4, 1);
        LoraTextClassificationModel copy = model.copy(ParamMap.empty());
        Vector exact = ordered(copy.transform(rows)).get(0).getAs("rawPrediction");
        Vector rounded =
                ordered(copy.setPrecision("bfloat16").transform(rows)).get(0).getAs("rawPrediction");
        assertThat(rounded).isNotEqualTo(exact);
        assertThat(rounded.apply(0)).isCloseTo(exact.apply(0), within(0.1));
        copy.clear(copy.precision());
        assertThat((Vector) ordered(copy.transform(rows)).get(0).getAs("rawPrediction"))
                .isEqualTo(exact);
        assertThatThrownBy(() -> copy.setPrecision("float16")).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void thresholdsMoveTheDecisionAsSparksClassifiersDo() {
        Dataset<Row> rows = LocalSpark.rows(spark, 10, 1);
        LoraTextClassificationModel always = model.copy(ParamMap.empty()).setThresholds(new double[] {1e-9, 1});
        assertThat(always.transform(rows).select("prediction").distinct().collectAsList())
                .containsExactly(RowFactory.create(0.0));
        assertThatThrownBy(() -> model.copy(ParamMap.empty())
                        .setThresholds(new double[] {1, 1, 1})
                        .transform(rows))
                .hasMessageContainingAll("thresholds", "3", "2 classes: no, yes", "[config.value.conflict]");
    }

    @Test
    void aPipelineWithTwoIndexersSavesAndLoads() throws Exception {
        Dataset<Row> rows = LocalSpark.rows(spark, 32, 2);
        StringIndexer indexer = new StringIndexer().setInputCol("label").setOutputCol("index");
        LoraTextClassifier classifier = LocalSpark.classifier().setLabelCol("index");
        IndexToString back = new IndexToString().setInputCol("prediction").setOutputCol("said");
        Pipeline pipeline = new Pipeline().setStages(new PipelineStage[] {indexer, classifier, back});
        String place = folder.resolve("pipeline").toString();
        pipeline.write().save(place);
        PipelineModel fitted = Pipeline.load(place).fit(rows);
        List<Row> scored = ordered(fitted.transform(rows));
        assertThat((String) scored.get(0).getAs("said")).isEqualTo("yes");
        assertThat((String) scored.get(1).getAs("said")).isEqualTo("no");

        String saved = folder.resolve("fitted").toString();
        fitted.write().save(saved);
        assertThat(ordered(PipelineModel.load(saved).transform(rows))).isEqualTo(scored);
    }

    @Test
    void aSavedModelHoldsItsParamsAndWhereItsBaseIsOrTheBaseItself() throws Exception {
        Dataset<Row> rows = LocalSpark.rows(spark, 8, 1);
        List<Row> scored = ordered(model.transform(rows));
        String plain = folder.resolve("plain").toString();
        model.copy(ParamMap.empty()).setProbabilityCol("p").write().save(plain);
        LoraTextClassificationModel loaded = LoraTextClassificationModel.load(plain);
        assertThat(loaded.uid()).isEqualTo(model.uid());
        assertThat(loaded.labels()).containsExactly("no", "yes");
        assertThat(ordered(loaded.setProbabilityCol("probability").transform(rows)))
                .isEqualTo(scored);
        assertThat(ordered(LoraTextClassificationModel.load(plain, LocalSpark.TINY_MODEL)
                        .setProbabilityCol("probability")
                        .transform(rows)))
                .isEqualTo(scored);
        assertThat(folder.resolve("plain/base")).doesNotExist();

        String whole = folder.resolve("whole").toString();
        LocalSpark.classifier()
                .setEmbedBase(true)
                .fit(LocalSpark.rows(spark, 32, 3))
                .write()
                .save(whole);
        assertThat(Path.of(whole, "base/model.safetensors"))
                .hasSameBinaryContentAs(LocalSpark.TINY_MODEL.resolve("model.safetensors"));
        assertThat(ordered(LoraTextClassificationModel.load(whole).transform(rows)))
                .isEqualTo(scored);
    }

    @Test
    void whatIsWrongWithColumnsIsSaidBeforeAnythingIsComputed() {
        Dataset<Row> rows = LocalSpark.rows(spark, 4, 1);
        assertThatThrownBy(() -> LocalSpark.classifier().setTextCol("txt").fit(rows))
                .hasMessageContainingAll("textCol", "'txt'", "id, text, label, value, held", "[data.column.missing]");
        assertThatThrownBy(() -> LocalSpark.classifier().setTextCol("id").fit(rows))
                .hasMessageContainingAll("textCol", "'id'", "int", "[data.column.type]");
        assertThatThrownBy(() -> LocalSpark.classifier()
                        .setValidationIndicatorCol("text")
                        .fit(rows))
                .hasMessageContainingAll("validationIndicatorCol", "'text'", "string", "[data.column.type]");
        assertThatThrownBy(() -> model.transform(rows.withColumnRenamed("value", "prediction")))
                .hasMessageContainingAll("'prediction'", "predictionCol", "[data.column.conflict]");
        assertThatThrownBy(() -> LocalSpark.classifier().setLabelCol("value").fit(rows))
                .hasMessageContainingAll("'1.5'", "'0', '1'", "[data.label.unseen]");
        assertThatThrownBy(() -> LocalSpark.classifier()
                        .setJobOverrides(new String[] {"training.batchsize=3"})
                        .fit(rows))
                .hasMessageContainingAll("training.batchsize", "training.batch_size", "[config.key.unknown]");
    }

    @Test
    void theSummaryIsTheHistoryAndIsSaved() throws Exception {
        String output = folder.resolve("summarized").toString();
        LoraTextClassificationModel trained = LocalSpark.classifier()
                .setGroups("{top: {target_modules: [query], layers_to_transform: [11]},"
                        + " low: {target_modules: [query], layers_to_transform: [10]}}")
                .setSchedule("{live: [top], events: [{epoch: 1, thaw: [low], freeze: [top]}]}")
                .setMaxIter(2)
                .setValidationIndicatorCol("held")
                .setOutputDir(output)
                .fit(LocalSpark.rows(spark, 32, 2));
        LoraTrainingSummary summary = trained.summary();

        List<JsonNode> starts = new ArrayList<>();
        List<JsonNode> ends = new ArrayList<>();
        double seconds = 0;
        for (String line : Files.readAllLines(Path.of(output, "history.jsonl"))) {
            JsonNode event = new ObjectMapper().readTree(line);
            switch (event.path("event").asText()) {
                case "epoch_start" -> starts.add(event);
                case "epoch_end" -> ends.add(event);
                case "finished" -> seconds = event.path("seconds").asDouble();
                default -> {}
            }
        }
        assertThat(summary.totalIterations()).isEqualTo(2).isEqualTo(ends.size());
        assertThat(summary.seconds()).isEqualTo(seconds).isPositive();
        for (int epoch = 0; epoch < 2; epoch++) {
            LoraTrainingSummary.Epoch told = summary.epochs().get(epoch);
            JsonNode end = ends.get(epoch);
            assertThat(told.number()).isEqualTo(epoch);
            assertThat(summary.objectiveHistory()[epoch])
                    .isEqualTo(told.trainLoss())
                    .isEqualTo(end.path("train_loss").asDouble());
            assertThat(told.validation().get("accuracy"))
                    .isEqualTo(end.path("validation").path("accuracy").asDouble());
            assertThat(told.trainableParameters())
                    .isEqualTo(starts.get(epoch).path("trainable_parameters").asLong());
            assertThat(told.allReduceBytesPerStep()).isEqualTo(4 * told.trainableParameters());
            assertThat(told.seconds())
                    .isEqualTo(end.path("seconds").path("total").asDouble());
        }
        assertThat(summary.epochs().get(0).groups()).isEqualTo(Map.of("top", "live", "low", "dormant"));
        assertThat(summary.epochs().get(1).groups()).isEqualTo(Map.of("top", "frozen", "low", "live"));
        assertThat(summary.trainableParameters())
                .isEqualTo(summary.epochs().get(0).trainableParameters());

        String saved = folder.resolve("with-summary").toString();
        trained.copy(ParamMap.empty()).write().save(saved);
        LoraTextClassificationModel loaded = LoraTextClassificationModel.load(saved);
        assertThat(loaded.hasSummary()).isTrue();
        assertThat(loaded.summary().epochs()).isEqualTo(summary.epochs());
        assertThat(loaded.summary().seconds()).isEqualTo(seconds);
        // Without outputDir, too.
        assertThat(model.summary().objectiveHistory()).hasSize(10);
        assertThat(model.summary().objectiveHistory()[9])
                .isLessThan(model.summary().objectiveHistory()[0]);
    }

    @Test
    void rowsThatAreHeldOutAreValidatedOn() throws Exception {
        Path run = folder.resolve("held");
        LocalSpark.classifier()
                .setValidationIndicatorCol("held")
                .setOutputDir(run.toString())
                .fit(LocalSpark.rows(spark, 32, 2));
        List<String> ends = new ArrayList<>();
        for (String line : Files.readAllLines(run.resolve("history.jsonl"))) {
            if (line.contains("\"epoch_end\"")) {
                ends.add(line);
            }
        }
        assertThat(ends).hasSize(10).allMatch(line -> line.contains("\"accuracy\""));
        assertThatThrownBy(() ->
                        LocalSpark.classifier().setOutputDir(run.toString()).fit(LocalSpark.rows(spark, 32, 2)))
                .hasMessageContaining(run.toString());
    }

    @ParameterizedTest
    @CsvSource({
        "'if(label = ''yes'', 1, -1)', -1, 1",
        "'if(label = ''yes'', 1.0D, -1.0D)', -1, 1",
        "label = 'yes', false, true"
    })
    void numbersWithNegativeOnesAndTruthValuesAreNamesOfClasses(String label, String no, String yes) {
        Dataset<Row> rows = LocalSpark.rows(spark, 32, 2).withColumn("label", expr(label));
        for (String[] declared : new String[][] {{}, {no, yes}}) {
            LoraTextClassifier classifier = LocalSpark.classifier().setPredictedLabelCol("said");
            LoraTextClassificationModel trained =
                    (declared.length == 0 ? classifier : classifier.setLabels(declared)).fit(rows);
            assertThat(trained.labels()).containsExactly(no, yes);
            Row good = ordered(trained.transform(rows)).get(0);
            assertThat((String) good.getAs("said")).isEqualTo(yes);
            assertThat((double) good.getAs("prediction")).isEqualTo(1.0);
        }
    }

    @Test
    void namesOfColumnsAreComparedAsTheSessionDoes() {
        Dataset<Row> rows = LocalSpark.rows(spark, 8, 1).withColumnRenamed("text", "Text");
        LoraTextClassifier classifier =
                LocalSpark.classifier().setLabelCol("LABEL").setMaxIter(1);
        assertThat(classifier.fit(rows).transform(rows).count()).isEqualTo(8);
        assertThatThrownBy(() -> model.transform(rows.withColumnRenamed("value", "Prediction")))
                .hasMessageContainingAll("'prediction'", "[data.column.conflict]");
        assertThatThrownBy(() -> classifier.fit(rows.withColumn("label2", rows.col("label"))
                        .toDF("id", "Text", "label", "value", "held", "Label")))
                .hasMessageContainingAll("labelCol", "label and Label", "[data.column.ambiguous]");
        spark.conf().set("spark.sql.caseSensitive", "true");
        try {
            assertThatThrownBy(() -> classifier.fit(rows)).hasMessageContainingAll("'text'", "[data.column.missing]");
        } finally {
            spark.conf().unset("spark.sql.caseSensitive");
        }
    }

    @Test
    void everyParamIsExplained() {
        String explained = LocalSpark.classifier().explainParams();
        assertThat(explained)
                .containsPattern("maxIter: .+ \\(default: 3, current: 10\\)")
                .containsPattern("textCol: .+ \\(default: text\\)")
                .contains("thresholds:", "groups:", "schedule:", "jobOverrides:", "validationIndicatorCol:");
    }
}
