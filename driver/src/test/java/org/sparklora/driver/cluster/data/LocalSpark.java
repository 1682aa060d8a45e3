package org.sparklora.driver.cluster.data;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.data.Example;
import org.sparklora.worker.data.Shard;
import org.sparklora.worker.spark.JavaSerialized;

/** A session for one test class, and tables as the reader makes them. */
final class LocalSpark {

    static final Path ROOT = Path.of(System.getProperty("project.root", ".."));
    static final Path TINY = ROOT.resolve("worker/src/test/resources/golden/models/tiny-bert-2l-reg");

    static final StructType TABLE = new StructType()
            .add(SourceReader.FILE, DataTypes.StringType)
            .add(SourceReader.ROW, DataTypes.LongType)
            .add(SourceReader.TEXT, DataTypes.StringType)
            .add(SourceReader.TEXT_PAIR, DataTypes.StringType)
            .add(SourceReader.LABEL, DataTypes.StringType)
            .add(SourceReader.WEIGHT, DataTypes.StringType);

    private LocalSpark() {}

    static SparkSession start() {
        return builder().getOrCreate();
    }

    static SparkSession.Builder builder() {
        return SparkSession.builder()
                .master("local[2]")
                .appName("data")
                .config("spark.ui.enabled", "false")
                .config("spark.sql.shuffle.partitions", "3")
                .config("spark.sql.legacy.javaCharsets", "true")
                .config("spark.sql.files.openCostInBytes", "1");
    }

    /** A row of a table. */
    static Row row(
            String file,
            long row,
            @Nullable String text,
            @Nullable String pair,
            @Nullable String label,
            @Nullable String weight) {
        return RowFactory.create(file, row, text, pair, label, weight);
    }

    static Dataset<Row> table(SparkSession spark, List<Row> rows) {
        return spark.createDataFrame(rows, TABLE);
    }

    static List<Shard> collect(Shards data) {
        return JavaSerialized.collect(data.rdd());
    }

    /** One value of every example, shard by shard. */
    static <T> List<List<T>> each(List<Shard> shards, Function<Example, T> value) {
        List<List<T>> all = new ArrayList<>();
        for (Shard shard : shards) {
            all.add(shard.examples().stream().map(value).toList());
        }
        return all;
    }
}
