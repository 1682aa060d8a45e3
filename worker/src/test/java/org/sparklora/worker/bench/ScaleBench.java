package org.sparklora.worker.bench;

import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.sparklora.worker.contract.KeyedRandom;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.encoder.EncoderConfig;
import org.sparklora.worker.encoder.bert.BertEncoder;
import org.sparklora.worker.safetensors.SafetensorsWriter;
import org.sparklora.worker.safetensors.Tensor;

/**
 * Runs at size through {@code scripts/spark-lora}: many rows with little memory, and executors that are killed again and again.
 *
 * <p>{@code SCALE_ROWS} (10,000,000) is the number of rows, of twenty words each; a tenth of them is run first, so that what
 * grows with the rows shows. {@code SCALE_MINUTES} (10) is how long executors are killed, one every twenty seconds and then
 * all at once.
 */
public final class ScaleBench {

    private static final Path ROOT = Path.of(System.getProperty("project.root", ".."));
    private static final int WORDS = 20;
    private static final long HEAP = 1L << 30;
    private static final long OUTSIDE_HEAP = 3L << 29;
    private static final Pattern COLLECTED = Pattern.compile("Pause.* \\d+M->(\\d+)M");

    private final Path folder;

    private ScaleBench(Path folder) {
        this.folder = folder;
    }

    /** Takes {@code rows}, {@code deaths}, or nothing for both. Needs a build: {@code mvn package}. */
    public static void main(String... args) throws Exception {
        Path folder = Files.createTempDirectory("scale");
        try {
            ScaleBench bench = new ScaleBench(folder);
            List<String> names = List.of(args);
            if (names.isEmpty() || names.contains("rows")) {
                bench.rows(setting("SCALE_ROWS", 10_000_000));
            }
            if (names.isEmpty() || names.contains("deaths")) {
                bench.deaths(setting("SCALE_MINUTES", 10));
            }
        } finally {
            BertBase.delete(folder);
        }
    }

    private static int setting(String name, int otherwise) {
        String value = System.getenv(name);
        return value == null ? otherwise : Integer.parseInt(value);
    }

    private void rows(int most) throws Exception {
        Path model = tinyBert();
        int heapBefore = Integer.MAX_VALUE;
        for (int rows : new int[] {most / 10, most}) {
            Path data = folder.resolve("rows.csv");
            writeRows(data, rows);
            Path collections = folder.resolve("gc-" + rows + ".txt");
            Run run = start(
                    "rows-" + rows,
                    List.of(
                            "model.path=" + model,
                            "model.max_length=32",
                            "data.train={path: " + data + "}",
                            "data.validation={fraction: 0.01}",
                            "lora.groups={top: {target_modules: [query, value]}}",
                            "schedule={live: [top]}",
                            "training.num_train_epochs=1",
                            "training.batch_size=8192",
                            "training.shards=16"),
                    "--master",
                    "local-cluster[2,1,1024]",
                    "--driver-memory",
                    "1g",
                    "--driver-java-options",
                    "-Xlog:gc:file=" + collections);
            run.await();
            int heap = heapAfterCollection(collections);
            BenchReport.add(
                    String.format(Locale.ROOT, "%,d rows of %d words, one epoch", rows, WORDS),
                    "flat heap, an executor <= 2.5 GB",
                    String.format(
                            Locale.ROOT,
                            "%.0f s, %.0f CPU s a million rows; driver's heap after collection %d MB, resident: driver %.2f GB,"
                                    + " an executor %.2f GB",
                            run.seconds(),
                            run.cpuSeconds() * 1e6 / rows,
                            heap,
                            run.driverPeak() / 1e9,
                            run.executorPeak() / 1e9),
                    Map.of("rows", rows, "cpuSeconds", run.cpuSeconds(), "executorBytes", run.executorPeak()));
            Files.delete(data);
            require(run.executorPeak() <= HEAP + OUTSIDE_HEAP, "an executor needs more than its heap and 1.5 GB");
            // What a collection leaves differs by a few MB from run to run.
            require(heap - 32 <= 1.25 * heapBefore, "the driver's heap grows with the rows");
            heapBefore = heap;
        }
    }

    private static void require(boolean met, String otherwise) {
        if (!met) {
            throw new IllegalStateException(otherwise);
        }
    }

    /** Executors with one core die while a run trains; its adapter is that of a run on two cores that nobody disturbed. */
    private void deaths(int minutes) throws Exception {
        int executors = availableMemory() < 18L << 30 ? 4 : 8;
        List<String> job = List.of(
                "lora.groups={top: {target_modules: [query, value]}}",
                "schedule={live: [top]}",
                "training.batch_size=64",
                "training.shards=8",
                "training.num_train_epochs=" + Math.max(2, 5 * minutes));
        Run undisturbed = start("undisturbed", job, "--master", "local[2]");
        undisturbed.await();
        Path cluster = folder.resolve("cluster");
        // When the benchmark is interrupted.
        Runtime.getRuntime().addShutdownHook(new Thread(() -> standalone("stop", cluster)));
        String master = standalone("start", cluster, "--workers", "" + executors, "--memory", "768m", "--port", "0");
        try {
            disturb(master, cluster, executors, minutes, job, undisturbed);
        } finally {
            standalone("stop", cluster);
        }
    }

    private void disturb(String master, Path cluster, int executors, int minutes, List<String> job, Run undisturbed)
            throws Exception {
        int killed = 0;
        Run disturbed = start(
                "disturbed",
                job,
                "--master",
                master,
                "--driver-memory",
                "1g",
                "--conf",
                "spark.executor.memory=768m",
                // A standalone cluster gives up an application after ten lost executors in a row.
                "--conf",
                "spark.deploy.maxExecutorRetries=-1");
        long next = System.nanoTime() + TimeUnit.SECONDS.toNanos(40);
        long end = next + TimeUnit.MINUTES.toNanos(minutes);
        while (disturbed.isRunning()) {
            disturbed.watch(executors(cluster));
            if (System.nanoTime() > next) {
                List<ProcessHandle> alive = executors(cluster);
                boolean last = next > end;
                for (ProcessHandle executor : last ? alive : alive.subList(0, Math.min(1, alive.size()))) {
                    executor.destroyForcibly();
                    killed++;
                }
                next = last ? Long.MAX_VALUE : next + TimeUnit.SECONDS.toNanos(20);
            }
        }
        disturbed.await();
        boolean equal = Arrays.equals(undisturbed.adapter(), disturbed.adapter());
        BenchReport.add(
                executors + " executors, one killed every 20 s for " + minutes + " minutes, then all",
                "the same adapter, <= 14 GB",
                String.format(
                        Locale.ROOT,
                        "%s adapter after %d kills, %.0f s against %.0f s on two cores undisturbed; resident: together %.1f GB,"
                                + " an executor %.2f GB",
                        equal ? "the same" : "ANOTHER",
                        killed,
                        disturbed.seconds(),
                        undisturbed.seconds(),
                        disturbed.together() / 1e9,
                        disturbed.executorPeak() / 1e9),
                Map.of("equal", equal, "kills", killed, "together", disturbed.together()));
        require(next == Long.MAX_VALUE, "the run ended before all executors were killed at once");
        require(equal, "the adapter is not that of the undisturbed run");
        require(disturbed.together() <= 14L << 30, "the processes together need more than 14 GB");
    }

    private static String standalone(String verb, Path directory, String... options) {
        List<String> command = new ArrayList<>(
                List.of(ROOT.resolve("scripts/standalone").toString(), verb, "--dir", directory.toString()));
        command.addAll(List.of(options));
        try {
            Process process = new ProcessBuilder(command)
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (process.waitFor() != 0) {
                throw new IllegalStateException("scripts/standalone " + verb + " failed: " + output);
            }
            return output.lines().findFirst().orElse("");
        } catch (IOException | InterruptedException e) {
            throw new IllegalStateException("scripts/standalone " + verb + " did not end", e);
        }
    }

    /** The executors of a cluster that {@code scripts/standalone} started: children of the processes it recorded. */
    private static List<ProcessHandle> executors(Path cluster) throws IOException {
        List<ProcessHandle> found = new ArrayList<>();
        for (String pid : Files.readAllLines(cluster.resolve("pids"))) {
            ProcessHandle.of(Long.parseLong(pid))
                    .ifPresent(daemon ->
                            daemon.descendants().filter(ScaleBench::isExecutor).forEach(found::add));
        }
        return found;
    }

    private static boolean isExecutor(ProcessHandle handle) {
        return proc(handle, "cmdline").contains("CoarseGrainedExecutorBackend");
    }

    private static String proc(ProcessHandle handle, String file) {
        try {
            return Files.readString(Path.of("/proc", Long.toString(handle.pid()), file));
        } catch (IOException e) {
            // It has ended in between.
            return "";
        }
    }

    /** A line of /proc/PID/status or /proc/meminfo, in bytes. */
    private static long bytes(String status, String name) {
        Matcher line = Pattern.compile(name + ":\\s+(\\d+) kB").matcher(status);
        return line.find() ? 1024 * Long.parseLong(line.group(1)) : 0;
    }

    private static long availableMemory() throws IOException {
        return bytes(Files.readString(Path.of("/proc/meminfo")), "MemAvailable");
    }

    private static int heapAfterCollection(Path log) throws IOException {
        try (Stream<String> lines = Files.lines(log)) {
            return lines.map(COLLECTED::matcher)
                    .filter(Matcher::find)
                    .mapToInt(pause -> Integer.parseInt(pause.group(1)))
                    .max()
                    .orElse(0);
        }
    }

    private Run start(String name, List<String> sets, String... options) throws IOException {
        Path output = folder.resolve(name);
        List<String> command = new ArrayList<>(List.of(
                ROOT.resolve("scripts/spark-lora").toString(),
                "train",
                "--config",
                ROOT.resolve("conf/quickstart.yaml").toString(),
                "--output",
                output.toString()));
        sets.forEach(set -> command.addAll(List.of("--set", set)));
        command.add("--");
        command.addAll(List.of(options));
        command.addAll(List.of("--conf", "spark.ui.enabled=false"));
        Path log = folder.resolve(name + ".log");
        return new Run(
                new ProcessBuilder(command)
                        .redirectErrorStream(true)
                        .redirectOutput(log.toFile())
                        .start(),
                output,
                log);
    }

    /** A run and what its processes have needed. */
    private static final class Run {

        private final Process process;
        private final Path output;
        private final Path log;
        private final long began = System.nanoTime();
        private final Map<Long, Duration> processors = new HashMap<>();
        private double seconds;
        private long driverPeak;
        private long executorPeak;
        private long together;

        Run(Process process, Path output, Path log) {
            this.process = process;
            this.output = output;
            this.log = log;
        }

        boolean isRunning() throws InterruptedException {
            return !process.waitFor(500, TimeUnit.MILLISECONDS);
        }

        /** Takes the figures of the driver, its children, and executors that others started. */
        void watch(List<ProcessHandle> executors) {
            long now = 0;
            for (ProcessHandle handle : Stream.concat(
                            Stream.concat(Stream.of(process.toHandle()), process.descendants()), executors.stream())
                    .toList()) {
                String status = proc(handle, "status");
                long peak = bytes(status, "VmHWM");
                if (isExecutor(handle)) {
                    executorPeak = Math.max(executorPeak, peak);
                } else {
                    driverPeak = Math.max(driverPeak, peak);
                }
                now += bytes(status, "VmRSS");
                handle.info().totalCpuDuration().ifPresent(spent -> processors.put(handle.pid(), spent));
            }
            together = Math.max(together, now);
        }

        void await() throws IOException, InterruptedException {
            while (isRunning()) {
                watch(List.of());
            }
            seconds = (System.nanoTime() - began) / 1e9;
            if (process.exitValue() != 0) {
                throw new IllegalStateException(Files.readString(log));
            }
        }

        byte[] adapter() throws IOException {
            return Files.readAllBytes(output.resolve("adapter/adapter_model.safetensors"));
        }

        double seconds() {
            return seconds;
        }

        double cpuSeconds() {
            return processors.values().stream().mapToLong(Duration::toMillis).sum() / 1e3;
        }

        long driverPeak() {
            return driverPeak;
        }

        long executorPeak() {
            return executorPeak;
        }

        /** Bytes resident in all processes at one moment. */
        long together() {
            return together;
        }
    }

    /** One layer of width 32 with the vocabulary of the bundled encoder. */
    private Path tinyBert() throws IOException {
        Path model = Files.createDirectories(folder.resolve("tiny"));
        for (String file : List.of("vocab.txt", "tokenizer_config.json")) {
            Files.copy(ROOT.resolve("conf/starter-bert-12l").resolve(file), model.resolve(file));
        }
        Files.writeString(model.resolve("config.json"), """
                {"model_type": "bert", "vocab_size": 8192, "hidden_size": 32, "num_hidden_layers": 1,
                 "num_attention_heads": 2, "intermediate_size": 64, "hidden_act": "gelu",
                 "max_position_embeddings": 64, "type_vocab_size": 2}
                """);
        TreeMap<String, Tensor> tensors = new TreeMap<>();
        for (TensorSpec weight : BertEncoder.of(EncoderConfig.read(model)).weights()) {
            tensors.put(weight.name(), new Tensor(weight.shape(), BertBase.values(weight)));
        }
        SafetensorsWriter.write(model.resolve("model.safetensors"), tensors);
        return model;
    }

    /** Words of the bundled encoder's vocabulary; the first one decides the label. */
    private static void writeRows(Path file, int rows) throws IOException {
        List<String> words;
        try (Stream<String> vocabulary = Files.lines(ROOT.resolve("conf/starter-bert-12l/vocab.txt"))) {
            words = vocabulary
                    .filter(word -> word.matches("[a-z]{3,}"))
                    .limit(4096)
                    .toList();
        }
        try (BufferedWriter csv = Files.newBufferedWriter(file)) {
            csv.write("text,label\n");
            for (int row = 0; row < rows; row++) {
                long key = KeyedRandom.key(row, "words");
                for (int word = 0; word < WORDS; word++) {
                    csv.write(words.get((int) (KeyedRandom.uniform(key, word) * words.size())));
                    csv.write(word + 1 < WORDS ? ' ' : ',');
                }
                csv.write(KeyedRandom.uniform(key, 0) < 0.5 ? "yes\n" : "no\n");
            }
        }
    }
}
