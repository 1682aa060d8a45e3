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
import org.sparklora.driver.run.history.OutputException;
import org.sparklora.driver.run.history.RunHistory;

/**
 * What a run directory tells, in the shape that the page needs. The history is taken in piece by piece, so that a run that
 * is under way reads each of its lines once.
 */
final class RunStory {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Pattern NAME = Pattern.compile("(?m)^name: *\"?([^\"\\n]+?)\"? *$");

    private final String location;
    private final Steps steps = new Steps();
    private final SortedMap<Integer, Epoch> epochs = new TreeMap<>();
    private final List<JsonNode> runs = new ArrayList<>();
    private final List<JsonNode> changes = new ArrayList<>();
    private final List<JsonNode> troubles = new ArrayList<>();
    private JsonNode finished = MissingNode.getInstance();
    private String lastTime = "";
    private int lines;

    private JsonNode status = MissingNode.getInstance();
    private JsonNode manifest = MissingNode.getInstance();
    private String configuration = "";

    RunStory(String location) {
        this.location = location;
    }

    /** Takes in whole lines of the history, those that follow what it has. */
    void read(byte[] history, int from) {
        int begin = from;
        for (int i = from; i < history.length; i++) {
            if (history[i] == '\n') {
                lines++;
                add(event(new String(history, begin, i - begin, StandardCharsets.UTF_8)));
                begin = i + 1;
            }
        }
    }

    private JsonNode event(String line) {
        try {
            return JSON.readTree(line);
        } catch (JsonProcessingException e) {
            throw new OutputException(location + "/" + RunHistory.FILE + " is damaged at line " + lines
                    + ", which is no whole JSON object; restore the file from a copy");
        }
    }

    private void add(JsonNode event) {
        lastTime = event.path("time").asText(lastTime);
        int epoch = event.path("epoch").asInt();
        switch (event.path("event").asText()) {
            case "step" -> steps.add(event);
            case "run" -> runs.add(event);
            case "epoch_start" ->
                epochs.merge(
                        epoch,
                        new Epoch(epoch, event, MissingNode.getInstance(), 0),
                        (was, now) -> new Epoch(epoch, event, was.end(), was.keepSeconds()));
            case "epoch_end" ->
                epochs.put(
                        epoch,
                        new Epoch(
                                epoch, epoch(epoch).start(), event, epoch(epoch).keepSeconds()));
            case "kept" -> {
                Epoch was = epoch(epoch);
                double seconds = was.keepSeconds() + Json.number(event.path("seconds"));
                epochs.put(epoch, new Epoch(epoch, was.start(), was.end(), seconds));
            }
            case "thaw", "freeze", "add", "restore", "stop" -> changes.add(event);
            case "failure", "recovered" -> troubles.add(event);
            case "finished" -> finished = event;
            default -> {
                // Of a later build: nothing that this page shows.
            }
        }
    }

    private Epoch epoch(int number) {
        return epochs.getOrDefault(number, Epoch.of(number));
    }

    /** Takes in a small file of the directory; empty: there is none. */
    void status(Optional<byte[]> json) {
        status = tree("status.json", json);
    }

    void manifest(Optional<byte[]> json) {
        manifest = tree("manifest.json", json);
    }

    void configuration(Optional<byte[]> yaml) {
        configuration =
                yaml.map(bytes -> new String(bytes, StandardCharsets.UTF_8)).orElse("");
    }

    private JsonNode tree(String file, Optional<byte[]> json) {
        if (json.isEmpty()) {
            return MissingNode.getInstance();
        }
        try {
            return JSON.readTree(new String(json.get(), StandardCharsets.UTF_8));
        } catch (JsonProcessingException e) {
            throw new OutputException(
                    location + "/" + file + " is damaged: it is no JSON object; restore the file from a copy");
        }
    }

    String location() {
        return location;
    }

    /** The job's name; else the directory's. */
    String name() {
        Matcher name = NAME.matcher(configuration);
        return name.find() ? name.group(1) : folder();
    }

    /** The directory's own name. */
    String folder() {
        return location.replaceAll("/+$", "").replaceAll(".*/", "");
    }

    Steps steps() {
        return steps;
    }

    /** In order, the one under way last. */
    Collection<Epoch> epochs() {
        return epochs.values();
    }

    /** Epochs that came to their end. */
    List<Epoch> done() {
        return epochs.values().stream().filter(Epoch::isDone).toList();
    }

    /** How often the run began: once, and once more for each time it went on. */
    List<JsonNode> runs() {
        return runs;
    }

    /** How the run began, or went on, the last time; missing before it did. */
    JsonNode run() {
        return runs.isEmpty() ? MissingNode.getInstance() : runs.get(runs.size() - 1);
    }

    /** Groups that thawed, froze or were added, and what else a policy decided. */
    List<JsonNode> changes() {
        return changes;
    }

    List<JsonNode> troubles() {
        return troubles;
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

    /** Of the last event, as the history has it; empty before the first. */
    String lastTime() {
        return lastTime;
    }

    /** Names of the validation metrics that any epoch has. */
    SortedSet<String> metrics() {
        SortedSet<String> names = new TreeSet<>();
        done().forEach(epoch -> names.addAll(epoch.validation().keySet()));
        return names;
    }

    /** Steps of an epoch, as the run said or as its steps show; at least 1. */
    int stepsPerEpoch() {
        int said = run().path("steps_per_epoch").asInt();
        return said > 0 ? said : Math.max(1, steps.size() / Math.max(1, done().size()));
    }

    /** Seconds of all epochs that are done. */
    double epochSeconds() {
        return done().stream()
                .mapToDouble(Epoch::totalSeconds)
                .filter(Double::isFinite)
                .sum();
    }
}
