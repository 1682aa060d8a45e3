package org.sparklora.driver.watch.verify;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.sparklora.driver.run.history.RunStatus;
import org.sparklora.driver.watch.verify.RecordedRun.Results;

/**
 * Compares two runs in the order in which one follows from the other: base model, groups, steps, validation, adapter. So
 * the first difference is the cause of those after it, as far as the records can tell.
 *
 * <p>A run that did not finish has no manifest and no adapter; of two such runs the histories are compared. Pure: all has
 * been read.
 */
public final class Comparison {

    private static final String[] STEP = {
        "epoch", "step", "loss", "grad_norm", "group_grad_norm", "learning_rate", "examples"
    };

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
        return new Verdict(comparison.differences, comparison.summary(), Notes.of(a, b));
    }

    private void baseModels() {
        Optional<String> inA = baseModel(a);
        Optional<String> inB = baseModel(b);
        // One that never began to train has noted none; there is nothing to hold against the other's.
        if (inA.isPresent() && inB.isPresent() && !inA.equals(inB)) {
            differences.add("base model: sha256 is " + inA.get() + " in A and " + inB.get() + " in B");
        }
    }

    private static Optional<String> baseModel(RecordedRun run) {
        return run.results()
                .map(results -> results.manifest().baseModelSha256())
                .or(() -> Notes.last(run.history().runs())
                        .map(event -> event.path("base_model_sha256").asText()));
    }

    private void manifests() {
        if (a.results().isPresent() && b.results().isPresent()) {
            ManifestFields.firstDifference(
                            a.results().get().manifest(), b.results().get().manifest())
                    .ifPresent(what -> differences.add("manifest.json: " + what));
        }
    }

    private void steps() {
        List<JsonNode> inA = a.history().steps();
        List<JsonNode> inB = b.history().steps();
        int common = Math.min(inA.size(), inB.size());
        boolean same = true;
        for (int i = 0; i < common && same; i++) {
            JsonNode step = inA.get(i);
            List<String> found = Fields.differences(Fields.of(step, STEP), Fields.of(inB.get(i), STEP));
            if (!found.isEmpty()) {
                same = false;
                differences.add("epoch " + step.get("epoch") + ", step " + step.get("step") + ": " + firstOf(found));
            }
        }
        int more = Math.abs(inA.size() - inB.size());
        if (more > 0) {
            differences.add((inA.size() > inB.size() ? "A" : "B") + " has " + count(more, "more step") + " (A "
                    + inA.size() + ", B " + inB.size() + ")"
                    + (same && common > 0 ? "; the first " + common + " are the same" : ""));
        }
    }

    private void validation() {
        List<JsonNode> inA = a.history().epochEnds();
        List<JsonNode> inB = b.history().epochEnds();
        for (int i = 0; i < Math.min(inA.size(), inB.size()); i++) {
            Map<String, String> metrics = Fields.of(inA.get(i), "epoch", "validation");
            List<String> found = Fields.differences(metrics, Fields.of(inB.get(i), "epoch", "validation"));
            if (!found.isEmpty()) {
                differences.add("end of epoch " + inA.get(i).get("epoch") + ": " + firstOf(found));
                return;
            }
        }
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
        String steps = count(a.history().steps().size(), "step") + ", ";
        return a.results()
                .map(results -> steps + "adapter sha256 " + results.adapter().sha256())
                .orElseGet(() -> steps + "and no adapter in either: A " + state(a) + ", B " + state(b));
    }

    private static String state(RecordedRun run) {
        RunStatus.State state = run.status().state();
        return switch (state) {
            case RUNNING -> "is still running, or was killed";
            case FAILED -> "failed with exit code " + run.status().exitCode();
            case CANCELLED, FINISHED -> "was " + state.name().toLowerCase(Locale.ROOT);
        };
    }

    private static String firstOf(List<String> found) {
        int others = found.size() - 1;
        return found.get(0) + (others == 0 ? "" : ", and " + count(others, "other value") + " too");
    }

    private static String count(int n, String what) {
        return n + " " + what + (n == 1 ? "" : "s");
    }
}
