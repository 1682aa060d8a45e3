package org.sparklora.driver.watch.tracking;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.sparklora.driver.job.freeze.EpochMetrics;
import org.sparklora.driver.run.history.HistoryEvent;
import org.sparklora.driver.run.history.HistoryEvent.GroupChange;
import org.sparklora.driver.run.history.HistoryLine;
import org.sparklora.driver.run.history.LocalRunDirectory;
import org.sparklora.driver.run.history.RunDirectory;
import org.sparklora.driver.run.history.RunHistory;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.Padding;

/** The history of a run with two steps per epoch: {@code top} trains, {@code bottom} thaws within epoch 1. */
final class RecordedRunLines {

    static final Instant TIME = Instant.parse("2026-01-01T00:00:00Z");
    static final Clock CLOCK = Clock.fixed(TIME, ZoneOffset.UTC);

    private final RunHistory history;
    private final List<String> lines = new ArrayList<>();

    RecordedRunLines(java.nio.file.Path folder) {
        RunDirectory directory = new LocalRunDirectory(folder);
        history = new RunHistory(directory, CLOCK);
        history.listen(lines::addAll);
    }

    /** Parses a line that must be valid. */
    static HistoryLine line(String json) {
        try {
            return HistoryLine.parse(json);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The lines published so far. */
    List<String> lines() {
        return List.copyOf(lines);
    }

    /** The start and this many epochs. */
    static List<String> epochs(java.nio.file.Path folder, int epochs) {
        RecordedRunLines recorded = new RecordedRunLines(folder);
        recorded.run();
        for (int epoch = 0; epoch < epochs; epoch++) {
            recorded.epoch(epoch);
        }
        return recorded.lines();
    }

    RecordedRunLines run() {
        return add(HistoryEvent.run(
                new HistoryEvent.Configuration("c0", "seed: 42\n", 2, FreezeState.of(Map.of())),
                "ba5e",
                Map.of("seed", 42L),
                new HistoryEvent.Environment(Map.of("spark", "3.5.5"), List.of("Some CPU")),
                Map.of()));
    }

    RecordedRunLines epoch(int epoch) {
        FreezeState state = FreezeState.of(
                Map.of("top", GroupState.LIVE, "bottom", epoch > 1 ? GroupState.LIVE : GroupState.DORMANT));
        add(HistoryEvent.epochStart(epoch, state, 100 + epoch, "off: test", "as the job says"));
        step(epoch, 0);
        if (epoch == 1) {
            add(HistoryEvent.group(GroupChange.THAW, 1, 1, "bottom", "because"));
        }
        step(epoch, 1);
        return add(HistoryEvent.epochEnd(
                new EpochMetrics(
                        epoch,
                        0.5,
                        new TreeMap<>(Map.of("accuracy", 0.5 + epoch / 10.0, "loss", 0.25)),
                        new TreeMap<>(Map.of("top", 0.5))),
                new Padding(30, 10),
                Map.of("total", 2.5, "validation", 1.5),
                Map.of()));
    }

    private void step(int epoch, int within) {
        int step = 2 * epoch + within;
        add(HistoryEvent.step(
                epoch,
                step,
                loss(step),
                8,
                new HistoryEvent.GradientNorms(1.5f, Map.of("top", 1.25f, "head", 0.75f)),
                Map.of("top", 0.001, "head", 0.002)));
    }

    static float loss(int step) {
        return 1f / (step + 1);
    }

    RecordedRunLines finished() {
        return add(HistoryEvent.finished("ada", 12.25));
    }

    private RecordedRunLines add(HistoryEvent event) {
        history.append(event);
        try {
            history.commit();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return this;
    }
}
