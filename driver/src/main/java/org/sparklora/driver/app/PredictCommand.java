package org.sparklora.driver.app;

import java.util.Optional;
import java.util.concurrent.Callable;
import org.apache.spark.sql.SparkSession;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.cluster.Sessions;
import org.sparklora.driver.cluster.data.RowKind;
import org.sparklora.driver.cluster.data.Source;
import org.sparklora.driver.cluster.data.SourceReader;
import org.sparklora.driver.model.predict.FilePrediction;
import org.sparklora.driver.training.Console;
import org.sparklora.driver.training.ExitCode;
import org.sparklora.driver.training.JobRows;
import org.sparklora.driver.training.TrainedRun;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code predict}: every row of a file with what the run's adapter says of it. */
@Command(
        name = "predict",
        mixinStandardHelpOptions = true,
        description =
                "Writes all columns of the input with a prediction and its probability, rows in their order. A row"
                        + " without text gets none.")
final class PredictCommand implements Callable<Integer> {

    @Mixin
    private RunOptions run = new RunOptions();

    @Option(names = "--input", required = true, paramLabel = "FILE", description = "Rows with texts.")
    private String input = "";

    @Option(
            names = "--output",
            required = true,
            paramLabel = "DIR",
            description = "A folder for the files; it must not be there, or be empty.")
    private String output = "";

    @Option(
            names = "--output-format",
            paramLabel = "FORMAT",
            description =
                    "csv, json (one object a line) or parquet; default: parquet for Parquet input, json for runs of"
                            + " token_classification, else csv.")
    private @Nullable String outputFormat;

    @Override
    public Integer call() throws Exception {
        TrainedRun trained = run.open();
        Source source = run.source(trained, input, Optional.empty());
        JobRows.requireFiles(source);
        RowKind rows = JobRows.kind(trained.job().model().task());
        FilePrediction.Output into = FilePrediction.Output.of(output, Optional.ofNullable(outputFormat), source, rows);
        try (SparkSession spark =
                Sessions.open("spark-lora predict " + trained.job().name())) {
            FilePrediction.Counts counts = FilePrediction.write(
                    SourceReader.readWithInput(spark, source, rows), trained.model(), trained.labels(), into);
            if (counts.withoutText() > 0) {
                Console.err(
                        "spark-lora: warning: %,d of %,d rows have no text, and so no prediction",
                        counts.withoutText(), counts.rows());
            }
            Console.out("%,d rows predicted into %s", counts.rows() - counts.withoutText(), into.location());
        }
        return ExitCode.OK.code();
    }
}
