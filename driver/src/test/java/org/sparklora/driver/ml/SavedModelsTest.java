package org.sparklora.driver.ml;

import static org.apache.spark.ml.functions.vector_to_array;
import static org.apache.spark.sql.functions.when;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Stream;
import org.apache.spark.SparkException;
import org.apache.spark.ml.PipelineModel;
import org.apache.spark.ml.Transformer;
import org.apache.spark.ml.linalg.SQLDataTypes;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.StructField;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Models that earlier versions saved are read for ever, and predict what they predicted then. The folder's README says how a
 * version adds its own.
 */
class SavedModelsTest {

    private static final Path FOLDER = LocalSpark.ROOT.resolve("driver/src/test/resources/saved-models");

    /**
     * Of logits, probabilities and vectors whose size is about 1: some hundred additions in float32 in another order, as another
     * PyTorch or processor may have it, move them by less than 1e-5. Another adapter, label order or pooling moves them by more
     * than 0.01, as {@link #theToleranceTellsOneModelFromAnother} asserts.
     */
    private static final double TOLERANCE = 1e-4;

    private static final Map<String, Function<String, Transformer>> LOADERS = new TreeMap<>(Map.of(
            "text-classification", LoraTextClassificationModel::load,
            "text-regression", LoraTextRegressionModel::load,
            "multi-label", LoraMultiLabelModel::load,
            "token-classification", LoraTokenClassificationModel::load,
            "pipeline", PipelineModel::load));

    private static SparkSession spark;

    @BeforeAll
    static void start() {
        spark = LocalSpark.open("local[2]");
    }

    @AfterAll
    static void stop() {
        spark.stop();
    }

    static Stream<Path> versions() throws IOException {
        try (Stream<Path> inside = Files.list(FOLDER)) {
            return inside.filter(Files::isDirectory).sorted().toList().stream();
        }
    }

    static Stream<Arguments> models() throws IOException {
        return versions()
                .flatMap(version -> LOADERS.keySet().stream()
                        .map(name -> Arguments.of(String.valueOf(version.getFileName()), name)));
    }

    @ParameterizedTest(name = "{1} of {0}")
    @MethodSource("models")
    void predictsWhatItPredictedWhenItWasSaved(String version, String name) {
        Path saved = FOLDER.resolve(version);
        List<Row> now = scored(load(saved, name), saved);
        List<Row> then = spark.read()
                .schema(now.get(0).schema())
                .json(expected(saved, name).toString())
                .collectAsList();
        assertThat(now).hasSameSizeAs(then).hasSizeGreaterThan(8);
        for (int row = 0; row < now.size(); row++) {
            for (int column = 0; column < now.get(row).size(); column++) {
                String where = "row " + row + ", " + now.get(row).schema().fieldNames()[column];
                assertSame(where, now.get(row).get(column), then.get(row).get(column));
            }
        }
    }

    /** Numbers within the tolerance; texts, indices and nulls as they were. */
    private static void assertSame(String where, Object now, Object then) {
        if (then instanceof scala.collection.Seq<?> list) {
            assertThat(now).as(where).isInstanceOf(scala.collection.Seq.class);
            scala.collection.Seq<?> values = (scala.collection.Seq<?>) now;
            assertThat(values.size()).as(where).isEqualTo(list.size());
            for (int i = 0; i < list.size(); i++) {
                assertSame(where + "[" + i + "]", values.apply(i), list.apply(i));
            }
        } else if (then instanceof Double number) {
            assertThat((Double) now).as(where).isCloseTo(number, within(TOLERANCE));
        } else {
            assertThat(now).as(where).isEqualTo(then);
        }
    }

    @ParameterizedTest
    @MethodSource("versions")
    void theToleranceTellsOneModelFromAnother(Path version) {
        LoraTextClassificationModel model = (LoraTextClassificationModel) load(version, "text-classification");
        Row cls = scored(model.setPooling("cls"), version).get(0);
        Row mean = scored(model.setPooling("mean"), version).get(0);
        assertThat(furthest(cls.getList(cls.fieldIndex("vector")), mean.getList(mean.fieldIndex("vector"))))
                .isGreaterThan(100 * TOLERANCE);
        Row piped = scored(load(version, "pipeline"), version).get(0);
        assertThat(furthest(
                        cls.getList(cls.fieldIndex("rawPrediction")), piped.getList(piped.fieldIndex("rawPrediction"))))
                .isGreaterThan(100 * TOLERANCE);
    }

    @Test
    void modelsThatWereSavedWithoutSummaryHaveNone() {
        LoraTextClassificationModel old =
                (LoraTextClassificationModel) load(FOLDER.resolve("0.1.0"), "text-classification");
        assertThat(old.hasSummary()).isFalse();
        assertThatThrownBy(old::summary)
                .isInstanceOf(SparkException.class)
                .hasMessageContaining("No training summary available");
    }

    private static double furthest(List<Double> one, List<Double> other) {
        double most = 0;
        for (int i = 0; i < one.size(); i++) {
            most = Math.max(most, Math.abs(one.get(i) - other.get(i)));
        }
        return most;
    }

    private static Transformer load(Path version, String name) {
        return Objects.requireNonNull(LOADERS.get(name))
                .apply(version.resolve(name).toString());
    }

    private static Path expected(Path version, String name) {
        return version.resolve(name + ".expected.jsonl");
    }

    /** Rows in their order, which scoring keeps; vectors as arrays; without what went in. */
    private static List<Row> scored(Transformer model, Path version) {
        Dataset<Row> rows = SavedModels.rows(spark, version);
        Dataset<Row> scored = model.transform(rows);
        List<Column> columns = new ArrayList<>();
        columns.add(scored.col("id"));
        for (StructField field : scored.schema().fields()) {
            if (!List.of(rows.columns()).contains(field.name())) {
                Column column = scored.col(field.name());
                boolean vector = field.dataType().equals(SQLDataTypes.VectorType());
                columns.add((vector ? when(column.isNotNull(), vector_to_array(column, "float64")) : column)
                        .as(field.name()));
            }
        }
        return scored.select(columns.toArray(Column[]::new)).collectAsList();
    }

    /** Not a test: writes the models of this version. */
    @Test
    @EnabledIfSystemProperty(named = "saved.models.version", matches = ".+")
    void write() throws IOException {
        Path version = FOLDER.resolve(System.getProperty("saved.models.version"));
        assertThat(version).as("what a version saved stays as it is").doesNotExist();
        SavedModels.write(spark, version);
        for (String name : LOADERS.keySet()) {
            List<String> lines = new ArrayList<>();
            scored(load(version, name), version).forEach(row -> lines.add(row.json()));
            Files.write(expected(version, name), lines);
        }
    }
}
