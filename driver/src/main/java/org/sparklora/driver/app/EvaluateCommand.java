package org.sparklora.driver.app;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Optional;
import java.util.SortedMap;
import java.util.concurrent.Callable;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.cluster.Metrics;
import org.sparklora.driver.cluster.Sessions;
import org.sparklora.driver.cluster.data.LabelCodec;
import org.sparklora.driver.cluster.data.Shards;
import org.sparklora.driver.cluster.data.SourceReader;
import org.sparklora.driver.cluster.data.Tokenization;
import org.sparklora.driver.job.config.SourceConfig;
import org.sparklora.driver.job.config.Task;
import org.sparklora.driver.model.predict.KeyedAdapters;
import org.sparklora.driver.model.predict.KeyedModels;
import org.sparklora.driver.model.predict.KeyedScores;
import org.sparklora.driver.training.Console;
import org.sparklora.driver.training.ExitCode;
import org.sparklora.driver.training.TrainedRun;
import org.sparklora.worker.inference.TrainedModel;
import org.sparklora.worker.spark.Shared;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(name = "evaluate", mixinStandardHelpOptions = true)
final class EvaluateCommand implements Callable<Integer> {

    @Mixin
    private RunOptions run = new RunOptions();

    @Mixin
    private RowOptions rows = new RowOptions();

    @Option(names = "--data", required = true, paramLabel = "FILE")
    private String data = "";

    @Option(names = "--label", paramLabel = "COLUMN")
    private @Nullable String label;

    @Override
    public Integer call() throws Exception {
        TrainedRun trained = run.read();
        SourceConfig source = rows.source(trained, "--data", data, Optional.ofNullable(label));
        Task task = trained.job().model().task();
        try (SparkSession spark =
                Sessions.open("spark-lora evaluate " + trained.job().name())) {
            Dataset<Row> table = SourceReader.read(spark, source, task, trained.keyColumn());
            JavaSparkContext context = JavaSparkContext.fromSparkContext(spark.sparkContext());
            Shards labelled;
            SortedMap<String, Double> metrics;
            long without = 0;
            if (trained.keyColumn().isPresent()) {
                KeyedAdapters adapters = trained.keyed(rows.precision());
                labelled = shards(table, trained, adapters.text());
                KeyedScores scores = new KeyedScores(
                        Shared.of(context, adapters),
                        Shards.keys(table, labelled.plan()),
                        KeyedModels.Counters.of(context.sc()));
                metrics = new Metrics(task, adapters.head(), trained.labels()).of(scores, labelled);
                without = KeyedRows.warn(
                        scores.counters(),
                        trained.keyColumn().get(),
                        labelled.statistics().examples());
            } else {
                TrainedModel model = trained.model(rows.precision());
                labelled = shards(table, trained, model.text());
                metrics = new Metrics(task, model.head(), trained.labels()).of(model, labelled);
            }
            ObjectNode json = new ObjectMapper().createObjectNode();
            json.put("examples", labelled.statistics().examples() - without);
            metrics.forEach((name, value) -> {
                Console.out("%-10s %.6g", name, value);
                json.put(name, value);
            });
            Console.out("%s", json);
        }
        return ExitCode.OK.code();
    }

    private static Shards shards(Dataset<Row> table, TrainedRun trained, TrainedModel.Text text) {
        return Shards.inOrder(
                table,
                LabelCodec.of(trained.job().model().task(), trained.labels()),
                new Tokenization(text.tokenizer(), text.maxLength()),
                trained.job().training().shards());
    }
}
