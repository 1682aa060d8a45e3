package org.sparklora.driver.watch.report;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiConsumer;
import java.util.function.Function;
import org.sparklora.driver.run.history.OutputException;
import org.sparklora.driver.run.history.RunDirectory;
import org.sparklora.driver.run.history.RunHistory;

/**
 * The page that compares the trials of a sweep, best first as on its leaderboard: a table of all trials, the curves of the best, and
 * when their groups were live.
 */
public final class SweepReport {

    /** File name in the sweep's directory. */
    public static final String FILE = "sweep.html";

    /** The leaderboard that the page is made of. */
    public static final String LEADERBOARD = "leaderboard.json";

    /** The directory of the trials' run directories, which their ids name. */
    private static final String TRIALS = "trials/";

    /** As many as a chart has lines that look different. */
    private static final int CHARTED = 8;

    /** As many as there are letters. */
    private static final int TIMELINES = 26;

    private static final ObjectMapper JSON = new ObjectMapper();

    private SweepReport() {}

    /** Whether a directory is that of a sweep. */
    public static boolean isSweep(RunDirectory directory) {
        try {
            return directory.exists(LEADERBOARD);
        } catch (IOException e) {
            throw OutputException.reading(directory.location(), e);
        }
    }

    /**
     * The page of a sweep in any state.
     *
     * @param open opens the directory at a location
     */
    public static byte[] page(RunDirectory sweep, Function<String, RunDirectory> open, Language language) {
        Messages messages = new Messages(language);
        try {
            JsonNode board = JSON.readTree(sweep.read(LEADERBOARD));
            List<JsonNode> trials = new ArrayList<>();
            board.path("trials").forEach(trials::add);
            Map<JsonNode, RunData> runs = new LinkedHashMap<>();
            for (JsonNode trial : trials.subList(0, Math.min(trials.size(), Table.MAX_ROWS))) {
                RunDirectory directory = open.apply(sweep.location() + "/" + folder(trial));
                // A trial that diverges at once has no history.
                if (directory.exists(RunHistory.FILE)) {
                    runs.put(trial, new RunReport(directory).read());
                }
            }
            List<Section> sections = List.of(
                    new Section("trials", (html, shown) -> table(html, trials, runs)),
                    new Section("loss", best(CHARTED, LossSection::write)),
                    new Section("metrics", best(CHARTED, MetricsSection::write)),
                    new Section(
                            "timeline",
                            best(
                                    TIMELINES,
                                    Section.ofEach("timeline", TimelineSection::write)
                                            .content())));
            String title = messages.text(
                    "title.sweep", trials.size(), board.path("metric").asText());
            return Page.html(title, Optional.empty(), sections, List.copyOf(runs.values()), messages)
                    .getBytes(StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw OutputException.reading(sweep.location(), e);
        }
    }

    private static String folder(JsonNode trial) {
        return TRIALS + trial.path("trial").asText();
    }

    private static BiConsumer<Html, List<RunData>> best(int most, BiConsumer<Html, List<RunData>> content) {
        return (html, runs) -> {
            if (runs.size() > most) {
                html.note("sweep.best", most, runs.size());
            }
            content.accept(html, runs.subList(0, Math.min(most, runs.size())));
        };
    }

    private static void table(Html html, List<JsonNode> trials, Map<JsonNode, RunData> runs) {
        Messages messages = html.messages();
        List<RunData> inOrder = List.copyOf(runs.values());
        int epochs = runs.values().stream().mapToInt(run -> run.done().size()).sum();
        int computed = runs.values().stream().mapToInt(SweepReport::trunks).sum();
        html.element("p", messages.text("sweep.shared", epochs, computed));
        List<String> columns = new ArrayList<>();
        if (!trials.isEmpty()) {
            trials.get(0).fieldNames().forEachRemaining(columns::add);
        }
        columns.removeAll(List.of("rank", "trial", "state", "note", "run", "adapter_sha256"));
        List<String> titles = new ArrayList<>(messages.texts("run state"));
        columns.forEach(
                column -> titles.add(column.equals("epochs") ? messages.text("epochs.done") : messages.metric(column)));
        titles.addAll(messages.texts("sweep.trunk digest.adapter sweep.note"));
        Table table = new Table(html, messages.text("section.trials"), titles);
        table.end(trials, trial -> {
            RunData run = runs.get(trial);
            table.row().cell(cell -> {
                if (run != null) {
                    Section.writeLabel(cell, inOrder, inOrder.indexOf(run));
                    String report = folder(trial) + "/" + RunReport.FILE;
                    cell.text(" ").element("a", messages.text("sweep.report"), "href", report);
                } else {
                    cell.data(trial.path("trial").asText());
                }
            });
            table.text(messages.word("trial.", trial.path("state").asText()));
            for (String column : columns) {
                JsonNode value = trial.path(column);
                if (value.isFloatingPointNumber()) {
                    table.number(value.asDouble());
                } else {
                    table.data(value.asText("–"));
                }
            }
            table.text(run == null ? "–" : Integer.toString(trunks(run)));
            table.cell(cell -> cell.digest(trial.path("adapter_sha256").asText()));
            table.recordedProse(trial.path("note").asText());
        });
    }

    /** How often a trial computed trunk activations; otherwise it took those of another trial, or had none. */
    private static int trunks(RunData run) {
        return (int)
                run.epochs().stream().filter(epoch -> epoch.cacheSeconds() > 0).count();
    }
}
