package org.sparklora.driver.watch.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.sparklora.driver.job.config.Secrets;
import org.sparklora.driver.run.history.HistoryLine;
import org.sparklora.driver.run.history.OutputException;
import org.sparklora.driver.run.history.RunDirectory;
import org.sparklora.driver.run.history.RunHistory;
import org.sparklora.driver.run.history.RunStatus;

/** The content of a run directory in the form that the page needs. The history can be read in parts. */
final class RunData {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Pattern NAME = Pattern.compile("(?m)^name: *\"?([^\"\\n]+?)\"? *$");

    private final String location;
    private final Steps steps = new Steps();
    private final SortedMap<Integer, Epoch> epochs = new TreeMap<>();

    /** All events except steps and those that {@link Epoch} holds. */
    private final List<JsonNode> events = new ArrayList<>();

    /** The last event of each name. */
    private final Map<String, JsonNode> last = new HashMap<>();

    private String lastTime = "";
    private int lines;
    private Files files = new Files(MissingNode.getInstance(), MissingNode.getInstance(), "");

    /** The small files of the directory; missing or empty if they do not exist. */
    record Files(JsonNode status, JsonNode manifest, String configuration) {}

    /**
     * The events of one epoch.
     *
     * @param start its {@code epoch_start}; missing if the history has none
     * @param end its {@code epoch_end}; missing while the epoch runs
     * @param cacheSeconds time to fill the activation cache; 0 if it was not filled in this epoch
     */
    record Epoch(int number, JsonNode start, JsonNode end, double cacheSeconds) {

        Epoch(int number) {
            this(number, MissingNode.getInstance(), MissingNode.getInstance(), 0);
        }

        private Epoch with(String name, JsonNode event) {
            return switch (name) {
                case "epoch_start" -> new Epoch(number, event, end, cacheSeconds);
                case "epoch_end" -> new Epoch(number, start, event, cacheSeconds);
                default -> new Epoch(number, start, end, cacheSeconds + HistoryLine.number(event.path("seconds")));
            };
        }

        boolean isDone() {
            return !end.isMissingNode();
        }

        double trainLoss() {
            return HistoryLine.number(end.path("train_loss"));
        }

        SortedMap<String, Double> validation() {
            return HistoryLine.numbers(end.path("validation"));
        }

        /** A metric; NaN if it was not computed. */
        double validation(String metric) {
            return HistoryLine.number(end.path("validation").path(metric));
        }

        SortedMap<String, Double> seconds() {
            return HistoryLine.numbers(end.path("seconds"));
        }

        /** Seconds from the epoch's start to its end, validation included. */
        double totalSeconds() {
            return HistoryLine.number(end.path("seconds").path("total"));
        }

        /** Counts of work by name; empty if the version that trained did not count. */
        SortedMap<String, Double> work() {
            return HistoryLine.numbers(end.path("work"));
        }
    }

    RunData(String location) {
        this.location = location;
    }

    /** Reads the next lines of the history. */
    void readHistory(List<String> more) {
        more.forEach(line -> {
            lines++;
            add(tree(RunHistory.FILE + " line " + lines, line));
        });
    }

    /** Reads the small files of the directory, as far as they exist. */
    void readFiles(RunDirectory directory) throws IOException {
        files = new Files(
                tree(RunStatus.FILE, text(directory, RunStatus.FILE)),
                tree("manifest.json", text(directory, "manifest.json")),
                Secrets.redacted(text(directory, "config.yaml")));
    }

    private static String text(RunDirectory directory, String name) throws IOException {
        return new String(directory.find(name).orElse(new byte[0]), StandardCharsets.UTF_8);
    }

    private JsonNode tree(String file, String json) {
        try {
            return JSON.readTree(json);
        } catch (JsonProcessingException e) {
            throw new OutputException(
                    "output.damaged",
                    location + "/" + file + " is not a complete JSON object; restore the file from a backup");
        }
    }

    private void add(JsonNode event) {
        lastTime = event.path("time").asText(lastTime);
        int number = event.path("epoch").asInt();
        String name = event.path("event").asText();
        Epoch epoch = epochs.getOrDefault(number, new Epoch(number));
        switch (name) {
            case "step" -> steps.add(event);
            case "epoch_start", "epoch_end", "kept" -> epochs.put(number, epoch.with(name, event));
            default -> events.add(event);
        }
        last.put(name, event);
    }

    String location() {
        return location;
    }

    /** The job's name, or the directory's name without a configuration. */
    String name() {
        Matcher name = NAME.matcher(files.configuration());
        return name.find() ? name.group(1) : folder();
    }

    /** The directory's name. */
    String folder() {
        return location.replaceAll("/+$", "").replaceAll(".*/", "");
    }

    Steps steps() {
        return steps;
    }

    /** All epochs in order; the last one may still run. */
    Collection<Epoch> epochs() {
        return epochs.values();
    }

    /** The complete epochs. */
    List<Epoch> done() {
        return epochs.values().stream().filter(Epoch::isDone).toList();
    }

    /** The events with these names, in order. */
    List<JsonNode> events(String... names) {
        Set<String> wanted = Set.of(names);
        return events.stream()
                .filter(event -> wanted.contains(event.path("event").asText()))
                .toList();
    }

    /** The last event with this name; missing without one. */
    JsonNode last(String name) {
        return last.getOrDefault(name, MissingNode.getInstance());
    }

    /** Groups that thawed, froze or were added, and other decisions of the policy. */
    List<JsonNode> changes() {
        return events("thaw", "freeze", "add", "restore", "stop");
    }

    Files files() {
        return files;
    }

    /** Time of the last event as in the history; empty before the first. */
    String lastTime() {
        return lastTime;
    }

    /** Names of all validation metrics. */
    SortedSet<String> metrics() {
        SortedSet<String> names = new TreeSet<>();
        done().forEach(epoch -> names.addAll(epoch.validation().keySet()));
        return names;
    }

    /** Steps per epoch as recorded, or else computed from the steps; at least 1. */
    int stepsPerEpoch() {
        int recorded = last("run").path("steps_per_epoch").asInt();
        return recorded > 0 ? recorded : Math.max(1, steps.size() / Math.max(1, done().size()));
    }

    /** The recorded duration, or the sum of the epochs if the run has not finished. */
    double seconds() {
        double recorded = HistoryLine.number(last("finished").path("seconds"));
        return Double.isNaN(recorded)
                ? done().stream()
                        .mapToDouble(Epoch::totalSeconds)
                        .filter(Double::isFinite)
                        .sum()
                : recorded;
    }
}
