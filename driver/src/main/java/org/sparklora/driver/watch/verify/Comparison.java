package org.sparklora.driver.watch.verify;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import org.sparklora.driver.job.manifest.ManifestFile;
import org.sparklora.driver.run.history.RunStatus;
import org.sparklora.driver.watch.verify.RecordedRun.Results;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;
import org.yaml.snakeyaml.error.YAMLException;

/**
 * Compares two runs in causal order: base model, groups, steps, validation, adapter. The first difference is therefore the
 * cause of the later ones, as far as the files show it.
 *
 * <p>A run that did not finish has no manifest and no adapter, so only its history is compared. Pure.
 */
public final class Comparison {

    private static final List<String> STEP =
            List.of("epoch", "step", "loss", "grad_norm", "group_grad_norm", "learning_rate", "examples");
    private static final List<String> NOTES = List.of("seeds", "choices", "versions", "cpu");
    private static final int MAX_KEYS = 5;

    /** Output and name do not influence a run, and the seed has its own note. */
    private static final Set<String> NOT_NOTED = Set.of("output", "name", "seed");

    private final RecordedRun a;
    private final RecordedRun b;
    private final List<String> differences = new ArrayList<>();

    private Comparison(RecordedRun a, RecordedRun b) {
        this.a = a;
        this.b = b;
    }

    /** Compares run A with run B. */
    public static Verdict of(RecordedRun a, RecordedRun b) {
        Comparison comparison = new Comparison(a, b);
        comparison.baseModels();
        comparison.manifests();
        comparison.steps();
        comparison.validation();
        comparison.adapters();
        return new Verdict(comparison.differences, comparison.summary(), comparison.notes());
    }

    private void baseModels() {
        Optional<String> inA = baseModel(a);
        Optional<String> inB = baseModel(b);
        // A run that never started to train has no base model to compare.
        if (inA.isPresent() && inB.isPresent() && !inA.equals(inB)) {
            differences.add("base model: " + FieldDifferences.different("sha256", inA.get(), inB.get()));
        }
    }

    private static Optional<String> baseModel(RecordedRun run) {
        Optional<String> finished =
                run.results().map(results -> results.manifest().baseModelSha256());
        return finished.or(() ->
                run.lastStart().map(event -> event.path("base_model_sha256").asText()));
    }

    private void manifests() {
        Optional<ManifestFile> inA = a.results().map(Results::manifest);
        Optional<ManifestFile> inB = b.results().map(Results::manifest);
        if (inA.isPresent() && inB.isPresent()) {
            Optional<String> found = FieldDifferences.first(inA.get(), inB.get());
            found.ifPresent(what -> differences.add("manifest.json: " + what));
        }
    }

    private void steps() {
        List<JsonNode> inA = a.events("step");
        List<JsonNode> inB = b.events("step");
        boolean same =
                firstDifference(inA, inB, STEP, step -> "epoch " + step.get("epoch") + ", step " + step.get("step"));
        int common = Math.min(inA.size(), inB.size());
        int more = Math.abs(inA.size() - inB.size());
        if (more > 0) {
            differences.add((inA.size() > inB.size() ? "A" : "B") + " has " + count(more, "more step") + " (A "
                    + inA.size() + ", B " + inB.size() + ")"
                    + (same && common > 0 ? "; the first " + common + " are the same" : ""));
        }
    }

    private void validation() {
        List<String> fields = List.of("epoch", "validation");
        firstDifference(
                a.events("epoch_end"), b.events("epoch_end"), fields, end -> "end of epoch " + end.get("epoch"));
    }

    /** Adds the first event of both that differs in one of the fields; whether there is none. */
    private boolean firstDifference(
            List<JsonNode> inA, List<JsonNode> inB, List<String> fields, Function<JsonNode, String> where) {
        for (int i = 0; i < Math.min(inA.size(), inB.size()); i++) {
            List<String> found = FieldDifferences.of(inA.get(i), inB.get(i), fields);
            if (!found.isEmpty()) {
                int others = found.size() - 1;
                differences.add(where.apply(inA.get(i)) + ": " + found.get(0)
                        + (others == 0 ? "" : ", and " + count(others, "other value") + " too"));
                return false;
            }
        }
        return true;
    }

    private void adapters() {
        Optional<Results> inA = a.results();
        Optional<Results> inB = b.results();
        if (inA.isPresent() && inB.isPresent()) {
            AdapterDifference.of(inA.get(), inB.get()).ifPresent(differences::add);
        } else if (inA.isPresent()) {
            differences.add("only A has an adapter: B " + state(b));
        } else if (inB.isPresent()) {
            differences.add("only B has an adapter: A " + state(a));
        }
    }

    private String summary() {
        String steps = count(a.events("step").size(), "step") + ", ";
        return a.results()
                .map(results -> steps + "adapter sha256 " + results.adapter().sha256())
                .orElseGet(() -> steps + "no adapter in either run: A " + state(a) + ", B " + state(b));
    }

    private static String state(RecordedRun run) {
        RunStatus.State state = run.status().state();
        return switch (state) {
            case RUNNING -> "is still running, or was killed";
            case FAILED -> "failed with exit code " + run.status().exitCode();
            case CANCELLED, FINISHED -> "was " + state.name().toLowerCase(Locale.ROOT);
        };
    }

    /** What may explain a difference but is not one: different jobs may have equal results. */
    private List<String> notes() {
        List<String> notes = new ArrayList<>();
        Optional<JsonNode> inA = a.lastStart();
        Optional<JsonNode> inB = b.lastStart();
        if (inA.isPresent() && inB.isPresent()) {
            notes.addAll(FieldDifferences.of(inA.get(), inB.get(), NOTES));
        }
        List<String> keys = FieldDifferences.of(keys(a.configuration()), keys(b.configuration()));
        keys.stream().limit(MAX_KEYS).forEach(notes::add);
        if (keys.size() > MAX_KEYS) {
            notes.add((keys.size() - MAX_KEYS) + " more keys of config.yaml differ");
        }
        return notes;
    }

    private static Map<String, String> keys(String yaml) {
        try {
            Object job = new Yaml(new SafeConstructor(new LoaderOptions())).load(yaml);
            ObjectNode root =
                    new ObjectMapper().convertValue(job instanceof Map<?, ?> map ? map : Map.of(), ObjectNode.class);
            root.remove(NOT_NOTED);
            return FieldDifferences.flatten(root, root::fieldNames);
        } catch (YAMLException | IllegalArgumentException e) {
            // Somebody edited the file, but the comparison is still useful.
            return Map.of("config.yaml", "unreadable");
        }
    }

    private static String count(int n, String what) {
        return n + " " + what + (n == 1 ? "" : "s");
    }
}
