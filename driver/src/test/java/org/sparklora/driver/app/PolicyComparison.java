package org.sparklora.driver.app;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.StreamSupport;

/**
 * Runs the job files of {@code conf/policies} on a data set, with several seeds, and prints one table of them beside
 * training the top group only and all groups always: {@code scripts/compare-policies}. Finished runs are kept and not done
 * again.
 */
final class PolicyComparison {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Path POLICIES = TrainingJob.ROOT.resolve("conf/policies");

    private final String master;
    private final Path train;
    private final Path dev;
    private final Path output;

    private PolicyComparison(String master, Path train, Path dev, Path output) {
        this.master = master;
        this.train = train;
        this.dev = dev;
        this.output = output;
    }

    /** A row of the table: a job file, and what is changed of it. */
    private record Contestant(String name, String file, List<String> overrides) {}

    private static final List<Contestant> CONTESTANTS = List.of(
            new Contestant("top group only", "gradual", List.of("schedule={live: [top]}")),
            new Contestant("all groups always", "gradual", List.of("schedule={live: [top, upper, lower, bottom]}")),
            new Contestant("epochs", "epochs", List.of()),
            new Contestant("gradual", "gradual", List.of()),
            new Contestant("plateau", "plateau", List.of()),
            new Contestant("lisa", "lisa", List.of()),
            new Contestant("autofreeze", "autofreeze", List.of()));

    /** What one run showed. */
    private record Outcome(double accuracy, double loss, long groupSteps, double seconds, double megabytes) {}

    /** Arguments: master, train.csv, dev.csv, output folder, seeds. */
    public static void main(String... args) throws IOException {
        PolicyComparison comparison =
                new PolicyComparison(args[0], Path.of(args[1]), Path.of(args[2]), Path.of(args[3]));
        List<String> seeds = List.of(args).subList(4, args.length);
        Map<String, List<Outcome>> outcomes = new LinkedHashMap<>();
        // Seed by seed, so that what a busy hour slows is every policy.
        for (String seed : seeds) {
            for (Contestant contestant : CONTESTANTS) {
                outcomes.computeIfAbsent(contestant.name(), name -> new ArrayList<>())
                        .add(comparison.outcome(contestant, seed));
            }
        }
        print(outcomes);
        System.exit(0);
    }

    private Outcome outcome(Contestant contestant, String seed) throws IOException {
        Path run = output.resolve(contestant.name().replace(' ', '-') + "-" + seed);
        if (!Files.exists(run.resolve("adapter"))) {
            List<String> args = new ArrayList<>(List.of(
                    "train",
                    "--overwrite",
                    "--config",
                    POLICIES.resolve(contestant.file() + ".yaml").toString(),
                    "--output",
                    run.toString()));
            List<String> overrides = new ArrayList<>(contestant.overrides());
            overrides.addAll(List.of(
                    "seed=" + seed, "data.train={path: '" + train + "'}", "data.validation={path: '" + dev + "'}"));
            overrides.forEach(override -> args.addAll(List.of("--set", override)));
            TrainingJob.Ended ended = TrainingJob.run(master, args.toArray(String[]::new));
            if (ended.code() != 0) {
                throw new IllegalStateException(contestant.name() + " ended with " + ended.code() + ": " + ended.err());
            }
        }
        Outcome outcome = read(run);
        System.err.println(contestant.name() + ", seed " + seed + ": " + outcome);
        return outcome;
    }

    private static Outcome read(Path run) throws IOException {
        Map<String, Long> parameters = parameters(run);
        List<JsonNode> epochs = TrainingJob.events(run, "epoch_end");
        long groupSteps = 0;
        double bytes = 0;
        for (JsonNode step : TrainingJob.events(run, "step")) {
            for (String group : names(step.get("group_grad_norm"))) {
                groupSteps += group.equals("head") ? 0 : 1;
                bytes += 4.0 * parameters.getOrDefault(group, 0L);
            }
        }
        JsonNode last = epochs.get(epochs.size() - 1).get("validation");
        return new Outcome(
                last.get("accuracy").asDouble(),
                last.get("loss").asDouble(),
                groupSteps,
                epochs.stream()
                        .mapToDouble(epoch -> epoch.at("/seconds/total").asDouble())
                        .sum(),
                bytes / 1e6);
    }

    /** Parameters by group; the head's are what the first epoch sends beside its groups. */
    private static Map<String, Long> parameters(Path run) throws IOException {
        Map<String, Long> parameters = new TreeMap<>();
        JsonNode manifest = JSON.readTree(run.resolve("manifest.json").toFile());
        for (JsonNode group : manifest.get("groups")) {
            long sum = 0;
            for (JsonNode module : group.path("modules")) {
                sum += module.get("r").asLong()
                        * (module.get("in").asLong() + module.get("out").asLong());
            }
            parameters.put(group.get("name").asText(), sum);
        }
        JsonNode first = TrainingJob.events(run, "epoch_start").get(0);
        long live = StreamSupport.stream(first.get("live").spliterator(), false)
                .mapToLong(group -> parameters.getOrDefault(group.asText(), 0L))
                .sum();
        parameters.put("head", first.get("trainable_parameters").asLong() - live);
        return parameters;
    }

    private static List<String> names(JsonNode object) {
        List<String> names = new ArrayList<>();
        object.fieldNames().forEachRemaining(names::add);
        return names;
    }

    private static void print(Map<String, List<Outcome>> outcomes) {
        System.out.println(
                "| | validation accuracy, mean (lowest to highest) | loss | group-steps | seconds, the fastest | MB all-reduced |");
        System.out.println("|---|---|---|---|---|---|");
        outcomes.forEach((name, runs) -> {
            List<Double> accuracies =
                    runs.stream().map(Outcome::accuracy).sorted().toList();
            System.out.println(TrainingJob.format(
                    "| %s | %.3f (%.3f to %.3f) | %.2f | %,d | %.0f | %.0f |",
                    name,
                    accuracies.stream().mapToDouble(a -> a).average().orElseThrow(),
                    Collections.min(accuracies),
                    Collections.max(accuracies),
                    runs.stream().mapToDouble(Outcome::loss).average().orElseThrow(),
                    Math.round(runs.stream()
                            .mapToLong(Outcome::groupSteps)
                            .average()
                            .orElseThrow()),
                    // Other work on the machine only ever adds.
                    runs.stream().mapToDouble(Outcome::seconds).min().orElseThrow(),
                    runs.stream().mapToDouble(Outcome::megabytes).average().orElseThrow()));
        });
    }
}
