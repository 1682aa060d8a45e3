package org.sparklora.driver.watch.report;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;
import org.sparklora.driver.run.history.HistoryLine;
import org.sparklora.driver.run.history.OutputException;
import org.sparklora.driver.run.history.RunDirectory;

/**
 * The page of a run with an adapter for each key: how many keys have one, and a table that begins with the keys that need a look,
 * those that failed, those that were left out, and then those with the largest validation loss.
 */
public final class KeyedReport {

    /** The list of keys that the page is made of. */
    public static final String INDEX = "adapters/index.json";

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final List<String> OUTCOMES = List.of("failed", "left_out", "trained");

    private KeyedReport() {}

    /**
     * The page of a run in any state.
     *
     * @throws OutputException if the directory cannot be read
     */
    public static byte[] page(RunDirectory run, Language language) {
        Messages messages = new Messages(language);
        try {
            JsonNode index = JSON.readTree(run.read(INDEX));
            RunData data = new RunReport(run).read();
            List<Section> sections = List.of(
                    new Section("keys", (html, runs) -> keys(html, index)),
                    Section.ofEach("environment", EnvironmentSection::write));
            String title = messages.text(
                    "title.keys", data.name(), index.path("column").asText());
            return Page.html(title, Optional.of(data), sections, List.of(data), messages)
                    .getBytes(StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw OutputException.reading(run.location(), e);
        }
    }

    private static void keys(Html html, JsonNode index) {
        Messages messages = html.messages();
        List<JsonNode> keys = new ArrayList<>();
        index.path("keys").forEach(keys::add);
        long rows = keys.stream().mapToLong(key -> key.path("rows").asLong()).sum();
        Object[] counts = OUTCOMES.stream()
                .map(outcome -> keys.stream()
                        .filter(key -> outcome(key).equals(outcome))
                        .count())
                .toArray();
        html.element(
                "p",
                messages.text(
                        "keys.counts", keys.size(), Formats.whole((double) rows), counts[2], counts[1], counts[0]));
        long waves = keys.stream()
                .map(key -> key.path("file").asText())
                .filter(file -> !file.isEmpty())
                .distinct()
                .count();
        html.element("p", messages.text("keys.shared", waves));
        if (index.path("fallback").path("outcome").asText().equals("trained")) {
            html.element(
                    "p",
                    messages.text(
                            "keys.fallback", index.path("fallback").path("rows").asLong()));
        }
        keys.sort(Comparator.<JsonNode>comparingInt(key -> OUTCOMES.indexOf(outcome(key)))
                .thenComparing(key -> -key.path("validation").path("loss").asDouble(0)));
        SortedSet<String> metrics = new TreeSet<>();
        keys.forEach(key ->
                metrics.addAll(HistoryLine.numbers(key.path("validation")).keySet()));
        List<String> titles = new ArrayList<>(messages.texts("keys.key state keys.rows keys.validation.rows"));
        metrics.forEach(metric -> titles.add(messages.metric(metric)));
        titles.addAll(messages.texts("digest.adapter keys.reason"));
        Table table = new Table(html, messages.text("section.keys"), titles);
        table.end(keys, key -> {
            table.row().data(key.path("key").asText()).text(messages.word("key.", outcome(key)));
            table.text(key.path("rows").asText())
                    .text(key.path("validation_rows").asText());
            metrics.forEach(metric ->
                    table.number(HistoryLine.number(key.path("validation").path(metric))));
            table.cell(cell -> cell.digest(key.path("adapter_sha256").asText()));
            table.recordedProse(key.path("reason").asText());
        });
    }

    private static String outcome(JsonNode key) {
        return key.path("outcome").asText();
    }
}
