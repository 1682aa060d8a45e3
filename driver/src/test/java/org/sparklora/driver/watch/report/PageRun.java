package org.sparklora.driver.watch.report;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
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
import org.sparklora.driver.run.history.LocalRunDirectory;
import org.sparklora.driver.run.history.RunHistory;
import org.sparklora.driver.run.history.RunStatus;
import org.sparklora.driver.run.loop.LostExecutor;
import org.sparklora.driver.run.loop.LostExecutor.RunPhase;
import org.sparklora.driver.run.loop.RunListener.CacheStats;
import org.sparklora.driver.run.loop.RunListener.SlowRank;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.Padding;

/** Writes run directories of any length with everything that the page shows. Set the fields, then call {@link #write}. */
final class PageRun {

    /** A name that tries to inject HTML. */
    static final String HOSTILE = "</td><script>document.title='owned'</script>\"'&<img src=x onerror=alert(1)>";

    int epochs = 6;
    int stepsPerEpoch = 40;
    int groups = 4;
    boolean counted = true;
    boolean measured = true;
    boolean failures = true;

    /** Whether groups also change state within epochs. */
    boolean changesWithin = true;

    String purpose = "lower layers, thawed when the top has settled";
    RunStatus status = RunStatus.finished("ada9".repeat(16));
    String name = "sentiment";

    private final LocalRunDirectory directory;
    private final Path folder;
    private RunHistory history;

    PageRun(Path folder) {
        this.folder = folder;
        this.directory = new LocalRunDirectory(folder);
        this.history = new RunHistory(directory, Clock.fixed(Instant.parse("2026-01-02T03:04:05Z"), ZoneOffset.UTC));
    }

    Path folder() {
        return folder;
    }

    LocalRunDirectory directory() {
        return directory;
    }

    static String group(int number) {
        return "layers." + number;
    }

    /** The loss of a step, which falls but is not smooth. */
    static float loss(int step) {
        return (float) (2 / StrictMath.sqrt(1 + step / 20.0) + 0.1 * StrictMath.sin(step * 1.7));
    }

    PageRun write() {
        try {
            directory.write("config.yaml", ("name: " + name + "\nseed: 7\noutput: /runs/x\n").getBytes(UTF_8));
            history();
            if (status.state() == RunStatus.State.FINISHED) {
                directory.write("manifest.json", manifest().getBytes(UTF_8));
            }
            directory.write(RunStatus.FILE, status.toJson());
            return this;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void history() throws IOException {
        Map<String, GroupState> states = new TreeMap<>();
        for (int g = 0; g < groups; g++) {
            states.put(group(g), g == 0 ? GroupState.LIVE : GroupState.DORMANT);
        }
        history.append(HistoryEvent.run(
                new HistoryEvent.Configuration(
                        "c0ffee".repeat(10) + "c0ff", "name: x", stepsPerEpoch, FreezeState.of(states)),
                "ba5e".repeat(16),
                Map.of("seed", 7L),
                new HistoryEvent.Environment(Map.of("java", "17.0.15", "spark", "3.5.5"), List.of("A processor")),
                Map.of("precision", "float32", "exchange", "peer: the executors stay")));
        for (int epoch = 0; epoch < epochs; epoch++) {
            startEpoch(epoch, states);
            for (int k = 0; k < stepsPerEpoch; k++) {
                if (changesWithin && epoch == 2 && k == stepsPerEpoch / 2) {
                    change(epoch, k, 0, GroupState.FROZEN, states);
                }
                step(epoch, k, states);
            }
            endEpoch(epoch);
        }
        if (status.state() == RunStatus.State.FINISHED) {
            history.append(HistoryEvent.finished("ada9".repeat(16), 93.5));
        }
        history.commit();
        history.join();
    }

    private void startEpoch(int epoch, Map<String, GroupState> states) {
        if (epoch > 0 && epoch < groups) {
            change(epoch, 0, epoch, GroupState.LIVE, states);
        }
        FreezeState now = FreezeState.of(states);
        history.append(HistoryEvent.epochStart(epoch, now, 4096L * (1 + epoch), "off: x", "x"));
        if (epoch == 0) {
            history.append(
                    HistoryEvent.cached(new CacheStats(0, "layer 11", 900, 1_200_000, "float32", "memory"), 2.25));
        }
    }

    private void change(int epoch, int step, int group, GroupState to, Map<String, GroupState> states) {
        states.put(group(group), to);
        history.append(HistoryEvent.group(
                to == GroupState.LIVE ? GroupChange.THAW : GroupChange.FREEZE,
                epoch,
                step,
                group(group),
                "schedule.events[" + group + "] before epoch " + epoch));
    }

    private void step(int epoch, int k, Map<String, GroupState> states) {
        int step = epoch * stepsPerEpoch + k;
        Map<String, Float> norms = new TreeMap<>();
        Map<String, Double> rates = new TreeMap<>();
        List<String> live = new ArrayList<>(List.of("head"));
        states.forEach((group, state) -> {
            if (state == GroupState.LIVE) {
                live.add(group);
            }
        });
        for (int i = 0; i < live.size(); i++) {
            norms.put(live.get(i), loss(step) / (1 + i));
            rates.put(live.get(i), 1e-3 * (1 - (double) step / (epochs * stepsPerEpoch)) / (1 + i));
        }
        history.append(HistoryEvent.step(
                epoch, step, loss(step), 32, new HistoryEvent.GradientNorms(loss(step), norms), rates));
        if (failures && epoch == 1 && k == 5) {
            history.append(HistoryEvent.failure(1, step, 1, "rank 1 (worker-2:4040) is lost " + HOSTILE));
            history.append(HistoryEvent.recovered(1, step, 3));
            history.append(HistoryEvent.waited(1, step + 1, 2, 4, 61.5));
            history.append(HistoryEvent.executorLost(
                    new LostExecutor(RunPhase.CACHING, "3", "10.0.0.7", "spot " + HOSTILE, 12.5)));
            history.append(HistoryEvent.slow(1, new SlowRank("worker-2", 1, 3, 30.5)));
        }
    }

    private void endEpoch(int epoch) {
        double caching = epoch == 0 ? 2.25 : 0;
        Map<String, Double> seconds =
                new TreeMap<>(Map.of("total", 12 + caching, "train", 10.5 + caching, "validation", 1.5));
        if (measured) {
            seconds.putAll(Map.of(
                    "data",
                    0.25,
                    "prefix",
                    1.0,
                    "forward",
                    3.0,
                    "backward",
                    4.0,
                    "exchange",
                    0.75,
                    "waiting",
                    0.5,
                    "optimizer",
                    0.125));
        }
        if (measured) {
            seconds.put("forward_backward", 8.25);
        }
        Map<String, Number> work = counted
                ? Map.of(
                        "steps", stepsPerEpoch,
                        "flops", 6e12,
                        "flops_without_cache", 7e12,
                        "flops_without_freezing", 1e13,
                        "flops_of_padding", 2e11,
                        "flops_of_padding_without_buckets", 2e12,
                        "all_reduce_bytes", 1_000_000L,
                        "all_reduce_bytes_without_freezing", 4_000_000L)
                : Map.of();
        history.append(HistoryEvent.epochEnd(
                new EpochMetrics(
                        epoch,
                        loss((epoch + 1) * stepsPerEpoch),
                        new TreeMap<>(Map.of(
                                "accuracy",
                                0.5 + 0.05 * Math.min(9, epoch),
                                "loss",
                                1.0 / (1 + epoch),
                                "f1",
                                0.4 + 0.05 * Math.min(9, epoch))),
                        new TreeMap<>(Map.of(group(0), 0.4))),
                new Padding(48_000, 900),
                seconds,
                work));
    }

    private String manifest() {
        StringBuilder json =
                new StringBuilder("{\"format\":1,\"bias\":\"none\",\"labels\":[\"no\",\"yes\"],\"groups\":[");
        for (int g = 0; g < groups; g++) {
            json.append(g == 0 ? "" : ",")
                    .append("{\"name\":\"")
                    .append(group(g))
                    .append("\",\"implicit\":false,\"state\":\"live\",\"tensors_sha256\":\"")
                    .append("feed".repeat(16))
                    .append("\",\"purpose\":")
                    .append(new com.fasterxml.jackson.databind.node.TextNode(purpose))
                    .append(",\"r\":8,\"alpha\":16.0,\"modules\":[{\"path\":\"bert.encoder.layer.")
                    .append(g)
                    .append(".attention.self.query\",\"r\":8,\"alpha\":16.0,\"in\":128,\"out\":128}]}");
        }
        return json.append("]}").toString();
    }

    /** The page about this run. */
    String page(Language language) {
        return page(List.of(this), language);
    }

    static String page(List<PageRun> runs, Language language) {
        List<RunReport> reports =
                runs.stream().map(run -> new RunReport(run.directory())).toList();
        return new String(RunReport.page(reports, language), UTF_8);
    }
}
