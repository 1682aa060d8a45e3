package org.sparklora.driver.ml;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.apache.spark.ml.linalg.Vector;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Estimators whose labels are lists: any number of labels a text, a tag for each word. */
class LabelListsTest {

    private static final StructType TEXTS = new StructType()
            .add("id", DataTypes.IntegerType)
            .add("text", DataTypes.StringType)
            .add("label", DataTypes.createArrayType(DataTypes.StringType));

    private static final StructType WORDS = new StructType()
            .add("id", DataTypes.IntegerType)
            .add("tokens", DataTypes.createArrayType(DataTypes.StringType))
            .add("tags", DataTypes.createArrayType(DataTypes.StringType));

    private static SparkSession spark;

    @TempDir
    private Path folder;

    @BeforeAll
    static void start() {
        spark = LocalSpark.open("local[2]");
    }

    @AfterAll
    static void stop() {
        spark.stop();
    }

    /** Whatever is common to small runs on the tiny model. */
    private static <E extends LoraEstimator<E, ?>> E small(E estimator) {
        return estimator
                .setBaseModel(LocalSpark.TINY_MODEL.toString())
                .setGroups(LocalSpark.TOP)
                .setSchedule("{live: [top]}")
                .setLoraDropout(0)
                .setMaxLength(16)
                .setMaxIter(30)
                .setStepSize(0.02)
                .setBatchSize(8)
                .setShards(2);
    }

    private static Dataset<Row> texts() {
        List<Row> rows = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            boolean great = i % 2 == 0;
            boolean movie = i % 4 < 2;
            List<String> labels = new ArrayList<>();
            if (movie) {
                labels.add("film");
            }
            if (great) {
                labels.add("praise");
            }
            String text = (great ? "great " : "bad ") + (movie ? "movie" : "story") + " very".repeat(i % 3);
            rows.add(RowFactory.create(i, text, labels.toArray(new String[0])));
        }
        return spark.createDataFrame(rows, TEXTS);
    }

    private static List<Row> ordered(Dataset<Row> rows) {
        return rows.orderBy("id").collectAsList();
    }

    @Test
    void anyNumberOfLabelsAsArraysOrWithBarsBetween() throws Exception {
        LoraMultiLabelModel model = small(new LoraMultiLabelClassifier()).fit(texts());
        assertThat(model.labels()).containsExactly("film", "praise");
        List<Row> scored = ordered(model.transform(texts()));
        int right = 0;
        for (Row row : scored) {
            right += row.getList(row.fieldIndex("prediction")).equals(row.getList(row.fieldIndex("label"))) ? 1 : 0;
            Vector probability = row.getAs("probability");
            Vector raw = row.getAs("rawPrediction");
            assertThat(probability.apply(1) > 0.5).isEqualTo(raw.apply(1) > 0);
        }
        assertThat(right).as("of 40 sets of two labels").isGreaterThan(30);

        Dataset<Row> bars = texts().withColumn("label", functions.concat_ws("|", functions.col("label")));
        assertThat(ordered(small(new LoraMultiLabelClassifier())
                        .fit(bars)
                        .transform(texts().select("id", "text"))
                        .drop("text")))
                .isEqualTo(ordered(model.transform(texts().select("id", "text")).drop("text")));

        assertThat(model.copy(ParamMap.empty())
                        .setThreshold(1)
                        .transform(texts())
                        .where("size(prediction) > 0")
                        .count())
                .isZero();
        LoraMultiLabelModel lenient = small(new LoraMultiLabelClassifier())
                .setMaxIter(1)
                .setJobOverrides(new String[] {"training.threshold=0.25"})
                .fit(texts());
        assertThat(lenient.getThreshold()).as("as the job says").isEqualTo(0.25);
        assertThat(lenient.copy(ParamMap.empty()).setThreshold(0.5).getThreshold())
                .isEqualTo(0.5);
        assertThat(small(new LoraMultiLabelClassifier())
                        .setThreshold(0.75)
                        .jobConfig("out")
                        .training()
                        .loss()
                        .threshold())
                .hasValue(0.75);
        model.write().save(folder.resolve("model").toString());
        assertThat(ordered(LoraMultiLabelModel.load(folder.resolve("model").toString())
                        .transform(texts())))
                .isEqualTo(scored);
        assertThatThrownBy(() ->
                        small(new LoraMultiLabelClassifier()).setLabelCol("id").fit(texts()))
                .hasMessageContainingAll("labelCol", "'id'", "int", "[data.column.type]");
    }

    private static Row words(int id, List<String> words) {
        List<String> tags = new ArrayList<>();
        words.forEach(word -> tags.add(word.equals("great") ? "B-word" : "O"));
        return RowFactory.create(id, words.toArray(new String[0]), tags.toArray(new String[0]));
    }

    @Test
    void aTagForEachWordThatFits() throws Exception {
        List<Row> rows = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            List<String> words = new ArrayList<>(Collections.nCopies(1 + i % 4, "very"));
            words.add(i % words.size(), i % 3 == 0 ? "great" : "bad");
            words.add("movie");
            rows.add(words(i, words));
        }
        Dataset<Row> train = spark.createDataFrame(rows, WORDS);
        LoraTokenClassificationModel model = small(new LoraTokenClassifier()).fit(train);
        assertThat(model.labels()).containsExactly("B-word", "O");
        Dataset<Row> scored = model.transform(train);
        assertThat(scored.where("prediction = tags").count()).as("of 40 rows").isGreaterThan(35);

        Row longer = words(1, Collections.nCopies(30, "very"));
        List<Row> odd = ordered(model.transform(spark.createDataFrame(
                List.of(RowFactory.create(0, null, null), longer, RowFactory.create(2, new String[0], null)), WORDS)));
        assertThat(odd.get(0).isNullAt(3)).isTrue();
        assertThat(odd.get(2).isNullAt(3)).isTrue();
        List<String> tags = odd.get(1).getList(3);
        assertThat(tags).hasSize(30);
        // 16 tokens, two of them special.
        assertThat(tags.subList(0, 14)).doesNotContainNull();
        assertThat(tags.subList(14, 30)).containsOnlyNulls();

        model.write().save(folder.resolve("tags").toString());
        assertThat(ordered(
                        LoraTokenClassificationModel.load(folder.resolve("tags").toString())
                                .transform(train)))
                .isEqualTo(ordered(scored));
        assertThatThrownBy(() -> small(new LoraTokenClassifier())
                        .fit(train.withColumn("tags", functions.expr("slice(tags, 1, 1)"))))
                .hasMessageContainingAll("row 1", "3 words", "1 tags", "[data.label.invalid]");
        assertThatThrownBy(
                        () -> small(new LoraTokenClassifier()).setTextCol("id").fit(train))
                .hasMessageContainingAll("textCol", "'id'", "int", "[data.column.type]");
        assertThat(Arrays.asList(scored.columns())).doesNotContain("probability");
    }
}
