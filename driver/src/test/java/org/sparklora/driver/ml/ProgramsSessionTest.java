package org.sparklora.driver.ml;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A program's session has its own settings, which the estimators do not choose. */
class ProgramsSessionTest {

    @TempDir
    private Path folder;

    private static SparkSession open(String... settings) {
        SparkSession.Builder builder = SparkSession.builder()
                .master("local[2]")
                .config("spark.ui.enabled", "false")
                .config("spark.sql.shuffle.partitions", "4");
        for (String setting : settings) {
            builder.config(setting.split("=")[0], setting.split("=")[1]);
        }
        return builder.getOrCreate();
    }

    private List<Object> results(String name, String... settings) throws Exception {
        try (SparkSession spark = open(settings)) {
            // Spark itself cannot distribute Java's list of rows under registrationRequired.
            Dataset<Row> rows = spark.range(0, 24, 1, 3)
                    .selectExpr(
                            "id",
                            "if(id % 2 = 0, 'great plot', 'bad end') || repeat(' is', int(id % 5)) as text",
                            "if(id % 2 = 0, 'yes', 'no') as label",
                            "id % 4 = 3 as held");
            Path run = folder.resolve(name);
            LoraTextClassificationModel model = LocalSpark.classifier()
                    .setMaxIter(2)
                    .setValidationIndicatorCol("held")
                    .setOutputDir(run.toString())
                    .fit(rows);
            return List.of(
                    Files.readString(run.resolve("status.json"))
                            .replaceAll("(?s).*\"adapter_sha256\" *: *\"([0-9a-f]+)\".*", "$1"),
                    model.transform(rows)
                            .orderBy("id")
                            .select("id", "probability", "prediction")
                            .collectAsList());
        }
    }

    @Test
    void kryoAndAnsiModeChangeNoBit() throws Exception {
        List<Object> plain = results("plain");
        assertThat((String) plain.get(0)).hasSize(64);
        assertThat(results(
                        "own",
                        "spark.serializer=org.apache.spark.serializer.KryoSerializer",
                        "spark.kryo.registrationRequired=true",
                        "spark.sql.ansi.enabled=true",
                        "spark.sql.caseSensitive=true"))
                .isEqualTo(plain);
    }

    /** Spark's casts throw in ANSI mode what is null otherwise. */
    @Test
    void labelsThatFitNoIntegerAreLeftForTheReaderToRefuse() throws Exception {
        StructType schema = new StructType().add("text", DataTypes.StringType).add("label", DataTypes.DoubleType);
        try (SparkSession spark = open("spark.sql.ansi.enabled=true")) {
            List<Row> rows = List.of(
                    RowFactory.create("great plot", 1.0),
                    RowFactory.create("bad plot", 0.0),
                    RowFactory.create("bad end", -3e9));
            Dataset<Row> table = spark.createDataFrame(rows, schema);
            Column text = LabelColumn.ofClasses(table, "label").text();
            assertThat(table.select(text).collectAsList())
                    .extracting(row -> row.getString(0))
                    .containsExactly("1", "0", "-3.0E9");
        }
    }
}
