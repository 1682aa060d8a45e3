package org.sparklora.driver.watch.verify;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.sparklora.driver.job.freeze.EpochMetrics;
import org.sparklora.driver.job.manifest.ManifestFile;
import org.sparklora.driver.job.manifest.ManifestJson;
import org.sparklora.driver.run.history.HistoryEvent;
import org.sparklora.driver.run.history.LocalRunDirectory;
import org.sparklora.driver.run.history.RunDirectory;
import org.sparklora.driver.run.history.RunHistory;
import org.sparklora.driver.run.history.RunStatus;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.Padding;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.lora.PlainLora;
import org.sparklora.worker.safetensors.SafetensorsWriter;
import org.sparklora.worker.safetensors.Tensor;

/** Writes run directories like those of training, with chosen differences. Set the fields, then call {@link #write}. */
public final class SampleRun {

    private static final int STEPS_PER_EPOCH = 4;
    private static final String QUERY = "bert.encoder.layer.11.attention.self.query";

    public int steps = 8;
    public final Map<Integer, Float> lossAt = new TreeMap<>();
    public final Map<Integer, Double> topRateAt = new TreeMap<>();
    public double lastAccuracy = 0.75;
    public int rank = 2;
    public float lastB = 0.5f;
    public String baseModel = "ba5e";
    public List<String> labels = List.of("no", "yes");
    public long seed = 42;
    public String configuration = "name: a\nseed: 42\ntraining: {batch_size: 16, shards: 4}\noutput: /a\n";
    public Instant time = Instant.parse("2026-01-01T00:00:00Z");
    public double seconds = 1.5;
    public RunStatus ending = RunStatus.finished("");

    private final RunDirectory directory;

    public SampleRun(Path folder) {
        this.directory = new LocalRunDirectory(folder);
    }

    /** Writes the directory. */
    public RunDirectory write() {
        try {
            boolean finished = ending.state() == RunStatus.State.FINISHED;
            directory.write("config.yaml", configuration.getBytes(UTF_8));
            byte[] adapter = SafetensorsWriter.encode(new TreeMap<>(Map.of(
                    "base_model.model." + QUERY + ".lora_A.weight",
                    tensor(rank, 3, 0.25f),
                    "base_model.model." + QUERY + ".lora_B.weight",
                    tensor(3, rank, lastB),
                    "base_model.model.classifier.bias",
                    tensor(1, 2, 1f))));
            String sha = HexFormat.of()
                    .formatHex(MessageDigest.getInstance("SHA-256").digest(adapter));
            history(finished ? sha : "");
            if (finished) {
                directory.write("adapter/adapter_model.safetensors", adapter);
                directory.write("manifest.json", ManifestJson.write(manifest()).getBytes(UTF_8));
            }
            directory.write("status.json", (finished ? RunStatus.finished(sha) : ending).toJson());
            return directory;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Zeros, except for the last value. */
    private static Tensor tensor(int rows, int columns, float last) {
        float[] values = new float[rows * columns];
        values[values.length - 1] = last;
        return new Tensor(List.of(rows, columns), values);
    }

    private ManifestFile manifest() {
        LoraManifest manifest = new LoraManifest(
                PlainLora.INSTANCE,
                List.of(new LoraGroup("top", "", List.of(new LoraModule(QUERY, rank, 4, 3, 3)), GroupSettings.PLAIN)),
                BiasMode.NONE,
                List.of(new TensorSpec("classifier.bias", List.of(1, 2))),
                List.of());
        return new ManifestFile(
                manifest,
                FreezeState.of(Map.of("top", GroupState.LIVE)),
                new TreeMap<>(Map.of("top", "1", "head", "2")),
                baseModel,
                labels);
    }

    private void history(String sha) throws IOException {
        RunHistory history = new RunHistory(directory, Clock.fixed(time, ZoneOffset.UTC));
        history.append(HistoryEvent.run(
                new HistoryEvent.Configuration(
                        "c0" + configuration.hashCode(), configuration, steps, FreezeState.of(Map.of())),
                baseModel,
                Map.of("seed", seed),
                new HistoryEvent.Environment(Map.of("java", "17"), List.of("a CPU")),
                Map.of("precision", "float32")));
        for (int step = 0; step < steps; step++) {
            int epoch = step / STEPS_PER_EPOCH;
            history.append(HistoryEvent.step(
                    epoch,
                    step,
                    lossAt.getOrDefault(step, 1f / (step + 1)),
                    16,
                    new HistoryEvent.GradientNorms(0.5f, Map.of("top", 0.1f, "head", 0.4f)),
                    Map.of("top", topRateAt.getOrDefault(step, 1e-3), "head", 1e-3)));
            if ((step + 1) % STEPS_PER_EPOCH == 0) {
                double accuracy = step + 1 == steps ? lastAccuracy : 0.7;
                history.append(HistoryEvent.epochEnd(
                        new EpochMetrics(
                                epoch,
                                0.3,
                                new TreeMap<>(Map.of("accuracy", accuracy, "loss", 0.6)),
                                new TreeMap<>(Map.of("top", 0.4))),
                        Padding.NONE,
                        Map.of("total", seconds),
                        Map.of()));
            }
        }
        if (!sha.isEmpty()) {
            history.append(HistoryEvent.finished(sha, seconds));
        }
        history.commit();
        history.join();
    }

    /** Replaces a file's text. */
    public static void edit(Path file, java.util.function.UnaryOperator<String> change) {
        try {
            Files.writeString(file, change.apply(Files.readString(file)));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
