package org.sparklora.driver.training;

import com.fasterxml.jackson.databind.node.TextNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.apache.spark.sql.SparkSession;
import org.sparklora.driver.cluster.Locations;
import org.sparklora.driver.cluster.Sessions;
import org.sparklora.driver.cluster.data.SourceLook;
import org.sparklora.driver.job.text.Resource;
import org.sparklora.worker.encoder.Encoder;

/**
 * A job file that is written from a look at a model and at labelled rows. Two groups adapt attention as PEFT does by default: the
 * last layer, which trains first, and all others, which follow after an epoch.
 *
 * @param model path or hub id
 * @param train path of the labelled rows
 * @param validation path of others; empty: a tenth of the rows is held out
 * @param columns what the user says about columns and task
 * @param output run directory
 */
public record JobDraft(
        String model, String train, Optional<String> validation, SourceLook.Given columns, String output) {

    /** The job file's default of {@code model.max_length}. */
    private static final int MAX_LENGTH = 128;

    /** Names of the query and value layers, by architecture. */
    private static final List<List<String>> ATTENTION = List.of(
            List.of("query", "value"),
            List.of("q_lin", "v_lin"),
            List.of("query_proj", "value_proj"),
            List.of("q", "v"),
            List.of("Wqkv"));

    /** The name of a job for rows: the file's, or its folder's if it is just {@code train}. */
    public static String name(String train) {
        Path path = Path.of(train).toAbsolutePath().normalize();
        String file = String.valueOf(path.getFileName()).replaceFirst("\\..*", "");
        Path folder = path.getParent();
        return file.equals("train") && folder != null && folder.getFileName() != null
                ? folder.getFileName().toString()
                : file;
    }

    /** Looks at model and rows, says what it found, and returns the text of the file. */
    public String yaml() throws IOException {
        SourceLook.requireFiles(train, "--train", Locations.hadoop());
        validation.ifPresent(path -> SourceLook.requireFiles(path, "--validation", Locations.hadoop()));
        Encoder encoder = JobModel.encoder(model);
        SourceLook look;
        try (SparkSession spark = Sessions.open("spark-lora look at " + train)) {
            look = SourceLook.at(spark, train, columns);
        }
        String task = look.task().name().toLowerCase(Locale.ROOT);
        Console.err(
                "%s: text in %s, label in '%s'; task %s: %s", train, look.texts(), look.label(), task, look.reason());
        int last = encoder.layers() - 1;
        String modules = modules(encoder);
        Map<String, String> values = new TreeMap<>();
        values.put("name", quoted(name(train)));
        values.put("model", quoted(model));
        values.put("task", task);
        values.put("reason", look.reason());
        values.put("max_length", Integer.toString(Math.min(MAX_LENGTH, encoder.maxPositions())));
        values.put("train", quoted(train));
        values.put("text", quoted(look.texts().get(0)));
        values.put(
                "pair",
                look.texts().size() < 2
                        ? ""
                        : "    text_pair: " + quoted(look.texts().get(1)) + "\n");
        values.put("label", quoted(look.label()));
        values.put(
                "validation",
                validation
                        .map(path -> "{path: " + quoted(path) + "}")
                        .orElse("{fraction: 0.1}   # a tenth of the rows is held out; or {path: dev.csv}"));
        values.put("modules", modules);
        values.put("last", Integer.toString(last));
        // A model of one layer has no others.
        String rest = "    rest:\n      target_modules: " + modules + "\n      layers_to_transform: [0-" + (last - 1)
                + "]\n      purpose: all other layers\n";
        values.put("rest", last == 0 ? "" : rest);
        values.put("events", last == 0 ? "[]" : "[{epoch: 1, thaw: [rest]}]");
        values.put("output", quoted(output));
        return Resource.filled(JobDraft.class, "job-draft.yaml", values);
    }

    private static String modules(Encoder encoder) {
        return ATTENTION.stream()
                .filter(names -> names.stream()
                        .allMatch(name -> JobModel.linears(encoder).stream()
                                .anyMatch(linear -> linear.path().endsWith("." + name))))
                .findFirst()
                .map(List::toString)
                .orElse("all-linear");
    }

    /** JSON is YAML. */
    private static String quoted(String text) {
        return TextNode.valueOf(text).toString();
    }
}
