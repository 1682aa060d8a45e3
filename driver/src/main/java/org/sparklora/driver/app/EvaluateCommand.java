package org.sparklora.driver.app;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Optional;
import java.util.SortedMap;
import java.util.concurrent.Callable;
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
import org.sparklora.driver.training.Console;
import org.sparklora.driver.training.ExitCode;
import org.sparklora.driver.training.TrainedRun;
import org.sparklora.worker.inference.TrainedModel;
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
            TrainedModel model = rows.model(trained);
            Shards labelled = Shards.inOrder(
                    SourceReader.read(spark, source, task),
                    LabelCodec.of(task, trained.labels()),
                    new Tokenization(model.text().tokenizer(), model.text().maxLength()),
                    trained.job().training().shards());
            SortedMap<String, Double> metrics = new Metrics(task, model.head(), trained.labels()).of(model, labelled);
            ObjectNode json = new ObjectMapper().createObjectNode();
            json.put("examples", labelled.statistics().examples());
            metrics.forEach((name, value) -> {
                Console.out("%-10s %.6g", name, value);
                json.put(name, value);
            });
            Console.out("%s", json);
        }
        return ExitCode.OK.code();
    }
}
