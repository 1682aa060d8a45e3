package org.sparklora.driver.ml;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.io.IOException;
import java.io.Serializable;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.sparklora.driver.run.history.HistoryLine;
import org.sparklora.driver.run.history.RunDirectory;
import org.sparklora.driver.run.history.StoredHistory;
import org.sparklora.worker.contract.GroupState;

/**
 * How a model was trained, epoch by epoch, as Spark ML's models tell it. It holds no numbers of its own: it is those lines of
 * the run's history that begin and end epochs and the run, and is saved as these lines.
 */
public final class LoraTrainingSummary implements Serializable {

    private static final long serialVersionUID = 1L;

    /** The file in a saved model. Models of 0.1.0 have none. */
    static final String FILE = "training-summary.jsonl";

    private static final Set<String> EVENTS = Set.of("epoch_start", "epoch_end", "finished");

    private final String[] lines;
    private final Epoch[] epochs;
    private final double seconds;

    /**
     * One epoch.
     *
     * @param number from 0
     * @param trainLoss mean over the epoch's examples
     * @param validation metrics by name, such as {@code accuracy}; empty without validation rows
     * @param groups {@code live}, {@code frozen} or {@code dormant}, by group, when the epoch began
     * @param trainableParameters number of values that trained when the epoch began
     * @param allReduceBytesPerStep bytes of gradient that a step adds up, in the same state
     * @param seconds validation included
     */
    public record Epoch(
            int number,
            double trainLoss,
            SortedMap<String, Double> validation,
            SortedMap<String, String> groups,
            long trainableParameters,
            long allReduceBytesPerStep,
            double seconds)
            implements Serializable {

        private static Epoch of(JsonNode start, JsonNode end) {
            SortedMap<String, String> groups = new TreeMap<>();
            for (GroupState state : GroupState.values()) {
                start.path(state.label()).forEach(group -> groups.put(group.asText(), state.label()));
            }
            return new Epoch(
                    end.path("epoch").asInt(),
                    HistoryLine.number(end.path("train_loss")),
                    Collections.unmodifiableSortedMap(HistoryLine.numbers(end.path("validation"))),
                    Collections.unmodifiableSortedMap(groups),
                    start.path("trainable_parameters").asLong(),
                    start.path("all_reduce_bytes_per_step").asLong(),
                    HistoryLine.number(end.path("seconds").path("total")));
        }
    }

    private LoraTrainingSummary(List<HistoryLine> events) {
        JsonNode start = MissingNode.getInstance();
        JsonNode finished = start;
        SortedMap<Integer, Epoch> done = new TreeMap<>();
        for (HistoryLine line : events) {
            switch (line.event()) {
                case "epoch_start" -> start = line.fields();
                case "epoch_end" -> done.put(line.fields().path("epoch").asInt(), Epoch.of(start, line.fields()));
                default -> finished = line.fields();
            }
        }
        lines = events.stream().map(line -> line.fields().toString()).toArray(String[]::new);
        epochs = done.values().toArray(Epoch[]::new);
        seconds = HistoryLine.number(finished.path("seconds"));
    }

    /** The summary of a run from its history; empty for a run with an adapter for each key, which has no epochs of its own. */
    static Optional<LoraTrainingSummary> ofRun(RunDirectory run) {
        try {
            StoredHistory history = StoredHistory.of(run);
            List<HistoryLine> events = new ArrayList<>();
            StoredHistory.Chunk chunk = history.chunk(0);
            for (; !chunk.lines().isEmpty(); chunk = history.chunk(chunk.end())) {
                add(events, chunk.lines());
            }
            return of(events);
        } catch (IOException e) {
            throw new UncheckedIOException("the history of " + run.location() + " cannot be read", e);
        }
    }

    /** The summary in a saved model; empty if it has none. */
    static Optional<LoraTrainingSummary> read(RunDirectory saved) {
        try {
            List<HistoryLine> events = new ArrayList<>();
            byte[] text = saved.find(FILE).orElse(new byte[0]);
            add(events, new String(text, StandardCharsets.UTF_8).lines().toList());
            return of(events);
        } catch (IOException e) {
            throw new UncheckedIOException(saved.location() + "/" + FILE + " cannot be read", e);
        }
    }

    private static void add(List<HistoryLine> events, List<String> lines) throws JsonProcessingException {
        for (String line : lines) {
            HistoryLine parsed = HistoryLine.parse(line);
            if (EVENTS.contains(parsed.event())) {
                events.add(parsed);
            }
        }
    }

    private static Optional<LoraTrainingSummary> of(List<HistoryLine> events) {
        return Optional.of(new LoraTrainingSummary(events)).filter(summary -> summary.epochs.length > 0);
    }

    void write(RunDirectory saved) {
        try {
            saved.write(FILE, (String.join("\n", lines) + "\n").getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new UncheckedIOException(saved.location() + "/" + FILE + " cannot be written", e);
        }
    }

    /** The training loss of each epoch. */
    public double[] objectiveHistory() {
        return Arrays.stream(epochs).mapToDouble(Epoch::trainLoss).toArray();
    }

    /** Number of epochs, as {@code maxIter} counts them. */
    public int totalIterations() {
        return epochs.length;
    }

    /** All epochs in order. */
    public List<Epoch> epochs() {
        return List.of(epochs);
    }

    /** The largest number of values that trained at the beginning of an epoch, the head included. */
    public long trainableParameters() {
        return Arrays.stream(epochs).mapToLong(Epoch::trainableParameters).max().orElse(0);
    }

    /** Seconds from the start of the run to its adapter. */
    public double seconds() {
        return seconds;
    }
}
