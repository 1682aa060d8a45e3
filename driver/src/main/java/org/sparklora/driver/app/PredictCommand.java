package org.sparklora.driver.app;

import java.util.Optional;
import java.util.concurrent.Callable;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.cluster.Sessions;
import org.sparklora.driver.cluster.data.SourceReader;
import org.sparklora.driver.job.config.SourceConfig;
import org.sparklora.driver.job.config.Task;
import org.sparklora.driver.model.predict.FilePrediction;
import org.sparklora.driver.model.predict.KeyedAdapters;
import org.sparklora.driver.model.predict.KeyedModels;
import org.sparklora.driver.model.predict.RowModels;
import org.sparklora.driver.training.Console;
import org.sparklora.driver.training.ExitCode;
import org.sparklora.driver.training.TrainedRun;
import org.sparklora.worker.inference.TrainedModel;
import org.sparklora.worker.spark.Shared;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(name = "predict", mixinStandardHelpOptions = true)
final class PredictCommand implements Callable<Integer> {

    @Mixin
    private RunOptions run = new RunOptions();

    @Mixin
    private RowOptions rows = new RowOptions();

    @Option(names = "--input", required = true, paramLabel = "FILE")
    private String input = "";

    @Option(names = "--output", required = true, paramLabel = "DIR")
    private String output = "";

    @Option(names = "--output-format", paramLabel = "FORMAT")
    private @Nullable String outputFormat;

    @Override
    public Integer call() throws Exception {
        TrainedRun trained = run.read();
        SourceConfig source = rows.source(trained, "--input", input, Optional.empty());
        Task task = trained.job().model().task();
        FilePrediction.Output into = FilePrediction.Output.of(output, Optional.ofNullable(outputFormat), source, task);
        try (SparkSession spark =
                Sessions.open("spark-lora predict " + trained.job().name())) {
            JavaSparkContext context = JavaSparkContext.fromSparkContext(spark.sparkContext());
            Dataset<Row> table = SourceReader.readWithInput(spark, source, task, trained.keyColumn());
            FilePrediction.Counts counts;
            long unknown = 0;
            if (trained.keyColumn().isPresent()) {
                KeyedAdapters adapters = trained.keyed(rows.precision());
                KeyedModels models = new KeyedModels(
                        Shared.of(context, adapters),
                        table.schema().fieldIndex(SourceReader.KEY),
                        KeyedModels.Counters.of(context.sc()));
                counts = FilePrediction.write(table, models, adapters.head(), adapters.labels(), into);
                unknown = KeyedRows.warn(models.counters(), trained.keyColumn().get(), counts.rows());
            } else {
                TrainedModel model = trained.model(rows.precision());
                RowModels one = new RowModels.One(Shared.of(context, model), false);
                counts = FilePrediction.write(table, one, model.head(), trained.labels(), into);
            }
            long withoutText = counts.withoutScores() - unknown;
            if (withoutText > 0) {
                Console.err(
                        "spark-lora: warning: %,d of %,d rows have no text and get no prediction",
                        withoutText, counts.rows());
            }
            Console.out("%,d rows predicted into %s", counts.rows() - counts.withoutScores(), into.location());
        }
        return ExitCode.OK.code();
    }
}
