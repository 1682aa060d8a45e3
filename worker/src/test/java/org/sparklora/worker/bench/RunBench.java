package org.sparklora.worker.bench;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Whole runs of BERT-base's shape through {@code scripts/spark-lora}: what the cache saves in ten epochs, how two executors
 * scale, how much memory an executor takes. Rows have 128 tokens, 8 for each task and step.
 */
public final class RunBench {

    private static final Path ROOT = Path.of(System.getProperty("project.root", ".."));
    private static final int TASK_ROWS = 8;
    private static final String LAYER_11 = "{top: {target_modules: [query, value], layers_to_transform: [11]}}";
    private static final String ALL_LAYERS = "{top: {target_modules: [query, value]}}";

    /** One executor with two cores. */
    private static final String TWO_TASKS = "local-cluster[1,2,2048]";

    /** The JVM's own choice takes more of the heap that it is allowed than it needs, before it collects. */
    private static final String SMALL_HEAP = "spark.executor.extraJavaOptions=-Xms64m -XX:+UseSerialGC";

    private final Path folder;
    private final Path model;

    private RunBench(Path folder, Path model) {
        this.folder = folder;
        this.model = model;
    }

    /**
     * Prints what runs took and needed. Asks for a build: {@code mvn package}.
     *
     * @param args thaw: runs in which a layer joins, instead of the others; against FOLDER: runs in turns with the build of
     *     another checkout; exchanges [FOLDER]: what a step takes beyond its longest task, of this build and of another
     */
    public static void main(String... args) throws Exception {
        Path folder = Files.createTempDirectory("runs");
        // The vocabulary of the bundled encoder, whose tokenizer reads the rows.
        try (BertBase base = BertBase.create(8192)) {
            for (String file : List.of("vocab.txt", "tokenizer_config.json")) {
                Files.copy(
                        ROOT.resolve("conf/starter-bert-12l").resolve(file),
                        base.directory().resolve(file));
            }
            RunBench bench = new RunBench(folder, base.directory());
            if (List.of(args).contains("thaw")) {
                bench.thaw();
            } else if (List.of(args).contains("exchanges")) {
                bench.exchanges(args.length > 1 ? List.of(Path.of(args[1]), ROOT) : List.of(ROOT));
            } else if (List.of(args).contains("against")) {
                bench.against(Path.of(args[1]));
            } else {
                bench.run();
            }
        } finally {
            BertBase.delete(folder);
        }
    }

    private void run() throws Exception {
        Run on = run("cached", LAYER_11, 24, 10, "local[1]", 1);
        // Ten times the same minute would tell no more than three times.
        Run off = run("uncached", LAYER_11, 24, 3, "local[1]", 1, "execution.activation_cache=off");
        double ten = off.seconds() * 10 / 3;
        BenchReport.add(
                "ten epochs, layer 11, cache against none",
                ">= 8x",
                String.format(
                        Locale.ROOT,
                        "%.1fx (%.1f against %.1f s of training and validation of 192 and 48 rows, ten thirds of three epochs;"
                                + " start-up and reading took %.0f and %.0f s more)",
                        ten / on.seconds(),
                        on.seconds(),
                        ten,
                        on.startUp(),
                        off.startUp()),
                Map.of("ratio", ten / on.seconds()));
        Run one = run("one", ALL_LAYERS, 12, 2, "local-cluster[1,1,2048]", 2);
        Run two = run("two", ALL_LAYERS, 12, 2, "local-cluster[2,1,2048]", 2);
        BenchReport.add(
                "two executors against one",
                ">= 95% of two processes",
                String.format(
                        Locale.ROOT,
                        "%.2fx (%.1f and %.1f s for the second epoch of twelve steps of two shards)",
                        one.lastTraining() / two.lastTraining(),
                        two.lastTraining(),
                        one.lastTraining()),
                Map.of("ratio", one.lastTraining() / two.lastTraining()));
        outside("BERT-base", "<= 5%", two);
        Path starter = ROOT.resolve("conf/starter-bert-12l");
        outside(
                "the starter encoder",
                "<= 25%",
                run("starter", ALL_LAYERS, 400, 2, "local-cluster[2,1,2048]", 2, "model.path=" + starter));
        memory("all layers", "<= 3.0 GB", run("memory-all", ALL_LAYERS, 6, 1, TWO_TASKS, 2));
        memory("layer 11 cached", "<= 1.2 GB", run("memory-top", LAYER_11, 6, 3, TWO_TASKS, 2));
        memory("all layers, small heap", "<= 3.0 GB", run("small-all", ALL_LAYERS, 6, 1, TWO_TASKS, 2, SMALL_HEAP));
        memory("layer 11 cached, small heap", "<= 1.2 GB", run("small-top", LAYER_11, 6, 3, TWO_TASKS, 2, SMALL_HEAP));
    }

    /** Layer 0 joins layer 11 after two epochs, against both from the start: the epochs from there on. */
    private void thaw() throws Exception {
        String groups =
                LAYER_11.replaceFirst("}}$", "}, bottom: {target_modules: [query, value], layers_to_transform: [0]}}");
        Run thawed = run(
                "thaw", groups, 8, 4, "local[2]", 2, "schedule={live: [top], events: [{epoch: 2, thaw: [bottom]}]}");
        Run both = run("both", groups, 8, 4, "local[2]", 2, "schedule={live: [top, bottom]}");
        double ratio = thawed.trainingFrom(2) / both.trainingFrom(2);
        BenchReport.add(
                "thaw of layer 0, epochs after it",
                "<= 1x of layer 0 live from the start",
                String.format(
                        Locale.ROOT,
                        "%.2fx (%.1f against %.1f s for the steps of two epochs; the two epochs before took %.1f and %.1f s)",
                        ratio,
                        thawed.trainingFrom(2),
                        both.trainingFrom(2),
                        thawed.trainingFrom(0) - thawed.trainingFrom(2),
                        both.trainingFrom(0) - both.trainingFrom(2)),
                Map.of("ratio", ratio));
    }

    /** Another build and this one in turns, twice; the better of two. */
    private void against(Path other) throws Exception {
        String all = "all";
        String bfloat16 = "execution.precision=bfloat16";
        String starter = "model.path=" + ROOT.resolve("conf/starter-bert-12l");
        List<Run> theirs = new ArrayList<>();
        List<Run> ours = new ArrayList<>();
        List<Run> half = new ArrayList<>();
        for (int turn = 0; turn < 2; turn++) {
            theirs.add(run(other, all, ALL_LAYERS, 6, 2, "local[1]", 1));
            ours.add(run(all, ALL_LAYERS, 6, 2, "local[1]", 1));
            half.add(run(all, ALL_LAYERS, 6, 2, "local[1]", 1, bfloat16));
        }
        faster("steps of BERT-base, all layers", ">= 1.8x", best(theirs), best(ours));
        faster("the same in bfloat16", ">= 3.2x", best(theirs), best(half));

        double their = Double.MAX_VALUE;
        double our = Double.MAX_VALUE;
        for (int turn = 0; turn < 2; turn++) {
            their = Math.min(
                    their,
                    run(other, "jobs", LAYER_11, 24, 20, "local[1]", 1, starter).perEpochOutside());
            our = Math.min(
                    our, run("jobs", LAYER_11, 24, 20, "local[1]", 1, starter).perEpochOutside());
        }
        BenchReport.add(
                "an epoch outside forward and backward, starter encoder from cached activations",
                "<= 0.4x of the other build",
                String.format(Locale.ROOT, "%.2fx (%.3f against %.3f s)", our / their, our, their),
                Map.of("ratio", our / their));
        memory("all layers, the other build", "", run(other, "memory", ALL_LAYERS, 6, 1, TWO_TASKS, 2));
        memory("all layers", "<= the other build", run("memory", ALL_LAYERS, 6, 1, TWO_TASKS, 2));
        memory("all layers in bfloat16", "<= 0.75x", run("memory", ALL_LAYERS, 6, 1, TWO_TASKS, 2, bfloat16));
    }

    /** Steps of eight executors with small and large gradients, by exchange. */
    private void exchanges(List<Path> builds) throws Exception {
        String starter = "model.path=" + ROOT.resolve("conf/starter-bert-12l");
        String dense = "{top: {target_modules: [query, key, value, dense]}}";
        for (int rank : new int[] {2, 11, 96}) {
            for (Path build : builds) {
                for (String exchange : List.of("driver", "peer")) {
                    Path events = Files.createDirectory(folder.resolve(build.hashCode() + exchange + rank));
                    Run run = run(
                            build,
                            "exchange",
                            dense,
                            40,
                            3,
                            "local-cluster[8,1,768]",
                            8,
                            starter,
                            "lora.r=" + rank,
                            "model.max_length=16",
                            "execution.exchange=" + exchange,
                            "spark.executor.memory=768m",
                            "spark.eventLog.enabled=true",
                            "spark.eventLog.dir=" + events.toUri());
                    double step = run.lastTraining() / 40 * 1000;
                    Steps steps = exchange.equals("driver")
                            ? Steps.of(events)
                            : new Steps(step, step * (1 - run.outside()), 0);
                    BenchReport.add(
                            String.format(
                                    Locale.ROOT,
                                    "%s exchange, 8 executors, gradient of %.1f MB%s",
                                    exchange,
                                    rank * 0.1116,
                                    build.equals(ROOT) ? "" : ", the other build"),
                            null,
                            String.format(
                                    Locale.ROOT,
                                    "%.0f ms a step beyond the longest task (%.0f ms a step, %.1f MB of results)",
                                    steps.beyond(),
                                    steps.step(),
                                    steps.results() / 1e6),
                            Map.of("ms", steps.beyond(), "step_ms", steps.step(), "result_bytes", steps.results()));
                }
            }
        }
    }

    /**
     * The median step of a run's last epoch.
     *
     * @param step milliseconds from job to job
     * @param longest milliseconds of the longest task; with peer, of rank 0's passes
     * @param results bytes that the driver received
     */
    private record Steps(double step, double longest, double results) {

        double beyond() {
            return step - longest;
        }

        /** Reads what Spark recorded of the jobs of a run with the driver exchange. */
        static Steps of(Path events) throws IOException {
            Map<Integer, Job> jobs = new TreeMap<>();
            Map<Integer, Job> byStage = new HashMap<>();
            try (Stream<Path> logs = Files.list(events)) {
                for (String line : Files.readAllLines(logs.findFirst().orElseThrow())) {
                    JsonObject event = JsonParser.parseString(line).getAsJsonObject();
                    switch (event.get("Event").getAsString()) {
                        case "SparkListenerJobStart" -> {
                            JsonElement what =
                                    event.getAsJsonObject("Properties").get("spark.job.description");
                            Job job = new Job(
                                    event.get("Submission Time").getAsLong(), what == null ? "" : what.getAsString());
                            jobs.put(event.get("Job ID").getAsInt(), job);
                            event.getAsJsonArray("Stage IDs").forEach(stage -> byStage.put(stage.getAsInt(), job));
                        }
                        case "SparkListenerTaskEnd" -> {
                            Job job = byStage.get(event.get("Stage ID").getAsInt());
                            JsonObject metrics = event.getAsJsonObject("Task Metrics");
                            job.longest = Math.max(
                                    job.longest,
                                    metrics.get("Executor Run Time").getAsLong());
                            job.results += metrics.get("Result Size").getAsLong();
                        }
                        default -> {}
                    }
                }
            }
            List<Job> last = jobs.values().stream()
                    .filter(job -> job.what.startsWith("epoch 2 step "))
                    .toList();
            List<Steps> steps = new ArrayList<>();
            for (int i = 1; i < last.size(); i++) {
                Job job = last.get(i - 1);
                steps.add(new Steps(last.get(i).submitted - job.submitted, job.longest, job.results));
            }
            return steps.stream()
                    .sorted(Comparator.comparingDouble(Steps::beyond))
                    .toList()
                    .get(steps.size() / 2);
        }

        private static final class Job {
            private final long submitted;
            private final String what;
            private long longest;
            private double results;

            Job(long submitted, String what) {
                this.submitted = submitted;
                this.what = what;
            }
        }
    }

    private static double best(List<Run> runs) {
        return runs.stream().mapToDouble(Run::lastTraining).min().orElseThrow();
    }

    private static void faster(String what, String target, double theirs, double ours) {
        BenchReport.add(
                what + ", against the other build",
                target,
                String.format(Locale.ROOT, "%.2fx (%.2f against %.2f s)", theirs / ours, ours, theirs),
                Map.of("ratio", theirs / ours));
    }

    private static void memory(String what, String target, Run run) {
        BenchReport.add(
                "memory of an executor, " + what + ", two tasks",
                target,
                String.format(Locale.ROOT, "%.2f GB at its peak", run.peak() / 1e9),
                Map.of("bytes", run.peak()));
    }

    private static void outside(String model, String target, Run run) {
        BenchReport.add(
                "outside forward and backward, " + model,
                target,
                String.format(
                        Locale.ROOT, "%.1f%% of the last epoch's %.2f s", 100 * run.outside(), run.lastTraining()),
                Map.of("part", run.outside()));
    }

    /**
     * A run that ended.
     *
     * @param seconds of training and validation, keeping what is kept included
     * @param training seconds of each epoch's steps
     * @param outside part of the last of those that was not forward and backward
     * @param others seconds of each epoch's training and validation that were not forward and backward of steps
     * @param startUp seconds of everything before
     * @param peak the most bytes that an executor's process had resident
     */
    private record Run(
            double seconds, List<Double> training, double outside, List<Double> others, double startUp, long peak) {

        /** The median of an epoch, everything but forward and backward of its steps. */
        double perEpochOutside() {
            return others.stream().sorted().toList().get(others.size() / 2);
        }

        /** Of the last epoch, when everything is warm. */
        double lastTraining() {
            return training.get(training.size() - 1);
        }

        double trainingFrom(int epoch) {
            return training.stream().skip(epoch).mapToDouble(t -> t).sum();
        }
    }

    private Run run(String name, String groups, int steps, int epochs, String master, int shards, String... overrides)
            throws Exception {
        return run(ROOT, name, groups, steps, epochs, master, shards, overrides);
    }

    private Run run(
            Path build,
            String name,
            String groups,
            int steps,
            int epochs,
            String master,
            int shards,
            String... overrides)
            throws Exception {
        Path data = rows(name, steps * shards * TASK_ROWS);
        Path output = folder.resolve(name);
        List<String> command = new ArrayList<>(List.of(
                build.resolve("scripts/spark-lora").toString(),
                "train",
                "--config",
                build.resolve("conf/quickstart.yaml").toString(),
                "--output",
                output.toString(),
                "--overwrite"));
        List<String> sets = new ArrayList<>(List.of(
                "model.path=" + model,
                "model.max_length=128",
                "data.train={path: " + data + "}",
                "data.validation={fraction: 0.2}",
                "lora.groups=" + groups,
                "schedule={live: [top]}",
                "training.num_train_epochs=" + epochs,
                "training.shards=" + shards,
                "training.batch_size=" + shards * TASK_ROWS,
                "lora.lora_dropout=0"));
        List<String> confs = new ArrayList<>(List.of("spark.ui.enabled=false"));
        for (String override : overrides) {
            (override.startsWith("spark.") ? confs : sets).add(override);
        }
        sets.forEach(set -> command.addAll(List.of("--set", set)));
        command.addAll(List.of("--", "--master", master));
        confs.forEach(conf -> command.addAll(List.of("--conf", conf)));
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve(name + ".log").toFile())
                .start();
        long peak = 0;
        while (!process.waitFor(200, TimeUnit.MILLISECONDS)) {
            peak = Math.max(peak, executorPeak(process));
        }
        if (process.exitValue() != 0) {
            throw new IllegalStateException(Files.readString(folder.resolve(name + ".log")));
        }
        double seconds = 0;
        List<Double> training = new ArrayList<>();
        List<Double> others = new ArrayList<>();
        double outside = 0;
        double all = 0;
        for (String line : Files.readAllLines(output.resolve("history.jsonl"))) {
            JsonObject event = JsonParser.parseString(line).getAsJsonObject();
            switch (event.get("event").getAsString()) {
                case "epoch_end" -> {
                    JsonObject parts = event.getAsJsonObject("seconds");
                    seconds += parts.get("total").getAsDouble();
                    double last = parts.get("train").getAsDouble();
                    training.add(last);
                    double passes = parts.get("forward_backward").getAsDouble();
                    outside = 1 - passes / last;
                    // Not the total, which has had the checkpoint before validation since that is stored first.
                    others.add(last + parts.get("validation").getAsDouble() - passes);
                }
                case "finished" -> all = event.get("seconds").getAsDouble();
                default -> {}
            }
        }
        return new Run(seconds, training, outside, others, all - seconds, peak);
    }

    /** The most that an executor among the process's descendants has had resident so far. */
    private static long executorPeak(Process process) {
        return process.descendants().mapToLong(RunBench::peak).max().orElse(0);
    }

    private static long peak(ProcessHandle handle) {
        Path proc = Path.of("/proc", Long.toString(handle.pid()));
        try {
            if (!Files.readString(proc.resolve("cmdline")).contains("CoarseGrainedExecutorBackend")) {
                return 0;
            }
            try (Stream<String> status = Files.lines(proc.resolve("status"))) {
                return status.filter(line -> line.startsWith("VmHWM:"))
                        .mapToLong(line -> 1024 * Long.parseLong(line.replaceAll("\\D", "")))
                        .findFirst()
                        .orElse(0);
            }
        } catch (IOException e) {
            // It has ended in between.
            return 0;
        }
    }

    /** Rows of more than 128 tokens, a fifth more than are trained on. */
    private Path rows(String name, int training) throws IOException {
        StringBuilder csv = new StringBuilder("text,label\n");
        for (int row = 0; row < training * 5 / 4; row++) {
            csv.append("row ")
                    .append(row)
                    .append(" the order has not come ".repeat(30))
                    .append(row % 2 == 0 ? ",yes\n" : ",no\n");
        }
        return Files.writeString(folder.resolve(name + ".csv"), csv);
    }
}
