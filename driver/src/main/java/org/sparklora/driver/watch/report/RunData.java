package org.sparklora.driver.watch.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.sparklora.driver.run.history.HistoryLine;
import org.sparklora.driver.run.history.OutputException;
import org.sparklora.driver.run.history.RunHistory;
import org.sparklora.driver.run.history.RunStatus;

/** The content of a run directory in the form that the page needs. The history can be read in parts. */
final class RunData {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Pattern NAME = Pattern.compile("(?m)^name: *\"?([^\"\\n]+?)\"? *$");

    private final String location;
    private final Steps steps = new Steps();
    private final SortedMap<Integer, Epoch> epochs = new TreeMap<>();
    private final List<JsonNode> starts = new ArrayList<>();
    private final List<JsonNode> changes = new ArrayList<>();
    private final List<JsonNode> failures = new ArrayList<>();
    private JsonNode finished = MissingNode.getInstance();
    private String lastTime = "";
    private int lines;
    private JsonNode status = MissingNode.getInstance();
    private JsonNode manifest = MissingNode.getInstance();
    private String configuration = "";

    /**
     * The events of one epoch.
     *
     * @param start its {@code epoch_start}; missing if the history has none
     * @param end its {@code epoch_end}; missing while the epoch runs
     * @param cacheSeconds time to fill the activation cache; 0 if it was not filled in this epoch
     */
    record Epoch(int number, JsonNode start, JsonNode end, double cacheSeconds) {

        boolean isDone() {
            return !end.isMissingNode();
        }

        double trainLoss() {
            return HistoryLine.number(end.path("train_loss"));
        }

        SortedMap<String, Double> validation() {
            return HistoryLine.numbers(end.path("validation"));
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

    /** Reads the complete lines of the history from a byte on. */
    void readHistory(byte[] history, int from) {
        int begin = from;
        for (int i = from; i < history.length; i++) {
            if (history[i] == '\n') {
                lines++;
                String line = new String(history, begin, i - begin, StandardCharsets.UTF_8);
                add(tree(RunHistory.FILE + " line " + lines, line));
                begin = i + 1;
            }
        }
    }

    /** Reads the small files of the directory, as far as they exist. */
    void readFiles(Optional<byte[]> statusJson, Optional<byte[]> manifestJson, Optional<byte[]> configYaml) {
        status = tree(RunStatus.FILE, text(statusJson));
        manifest = tree("manifest.json", text(manifestJson));
        configuration = text(configYaml);
    }

    private static String text(Optional<byte[]> utf8) {
        return new String(utf8.orElse(new byte[0]), StandardCharsets.UTF_8);
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
        Epoch epoch =
                epochs.getOrDefault(number, new Epoch(number, MissingNode.getInstance(), MissingNode.getInstance(), 0));
        switch (event.path("event").asText()) {
            case "step" -> steps.add(event);
            case "run" -> starts.add(event);
            case "epoch_start" -> epochs.put(number, new Epoch(number, event, epoch.end(), epoch.cacheSeconds()));
            case "epoch_end" -> epochs.put(number, new Epoch(number, epoch.start(), event, epoch.cacheSeconds()));
            case "kept" -> {
                double seconds = epoch.cacheSeconds() + HistoryLine.number(event.path("seconds"));
                epochs.put(number, new Epoch(number, epoch.start(), epoch.end(), seconds));
            }
            case "thaw", "freeze", "add", "restore", "stop" -> changes.add(event);
            case "failure", "recovered" -> failures.add(event);
            case "finished" -> finished = event;
            default -> {
                // Events of later versions have no place on this page.
            }
        }
    }

    String location() {
        return location;
    }

    /** The job's name, or the directory's name without a configuration. */
    String name() {
        Matcher name = NAME.matcher(configuration);
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

    /** One event for each start and resume. */
    List<JsonNode> starts() {
        return starts;
    }

    /** The last start or resume; missing before the first. */
    JsonNode lastStart() {
        return starts.isEmpty() ? MissingNode.getInstance() : starts.get(starts.size() - 1);
    }

    /** Groups that thawed, froze or were added, and other decisions of the policy. */
    List<JsonNode> changes() {
        return changes;
    }

    /** Failures and recoveries. */
    List<JsonNode> failures() {
        return failures;
    }

    JsonNode finished() {
        return finished;
    }

    JsonNode status() {
        return status;
    }

    JsonNode manifest() {
        return manifest;
    }

    String configuration() {
        return configuration;
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
        int recorded = lastStart().path("steps_per_epoch").asInt();
        return recorded > 0 ? recorded : Math.max(1, steps.size() / Math.max(1, done().size()));
    }

    /** The recorded duration, or the sum of the epochs if the run has not finished. */
    double seconds() {
        double recorded = HistoryLine.number(finished.path("seconds"));
        return Double.isNaN(recorded)
                ? done().stream()
                        .mapToDouble(Epoch::totalSeconds)
                        .filter(Double::isFinite)
                        .sum()
                : recorded;
    }
}
