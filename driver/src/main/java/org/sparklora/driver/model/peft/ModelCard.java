package org.sparklora.driver.model.peft;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import org.sparklora.driver.model.peft.AdapterDetails.TrainingSummary;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.TensorSpec;

/**
 * The README.md of an adapter directory, with the header by which hubs recognize a PEFT adapter. It is for people; no
 * program reads it. It names the base model by its folder and holds no time, version or path, so equal runs give equal
 * cards.
 */
final class ModelCard {

    private static final String LOADING = """
            ## How to load it

            ```python
            from peft import PeftModel
            from transformers import AutoModelForKIND

            base = AutoModelForKIND.from_pretrained(BASE, num_labels=OUTPUTS)
            model = PeftModel.from_pretrained(base, "adapter").eval()
            ```

            The first name is the base model's directory, the second this one. `spark-lora merge` writes both as one model.

            """;

    private final LoraManifest manifest;
    private final Set<String> activeGroups;
    private final AdapterDetails details;
    private final StringBuilder text = new StringBuilder();

    private ModelCard(LoraManifest manifest, Set<String> activeGroups, AdapterDetails details) {
        this.manifest = manifest;
        this.activeGroups = activeGroups;
        this.details = details;
    }

    /** @param activeGroups names of the groups that the adapter holds */
    static String of(LoraManifest manifest, Set<String> activeGroups, AdapterDetails details) {
        return new ModelCard(manifest, activeGroups, details).write();
    }

    private String write() {
        String base = quoted(folder(details.baseModel()));
        text.append("---\nlibrary_name: peft\nbase_model: ").append(base).append("\n---\n\n");
        text.append("# LoRA adapter for ")
                .append(inline(folder(details.baseModel())))
                .append("\n\n");
        int outputs = manifest.head().stream()
                .filter(tensor -> tensor.shape().size() == 1)
                .mapToInt(TensorSpec::size)
                .findFirst()
                .orElse(1);
        String kind = details.taskType().equals("TOKEN_CLS") ? "TokenClassification" : "SequenceClassification";
        text.append(LOADING.replace("OUTPUTS", Integer.toString(outputs))
                .replace("KIND", kind)
                .replace("BASE", base));
        details.trainedOn().ifPresent(this::training);
        groups();
        return text.toString();
    }

    private void training(TrainingSummary data) {
        text.append("## Training data\n\n");
        text.append(String.format(
                Locale.ROOT,
                "%,d rows of %s%s, texts of at most %,d tokens.",
                data.rows(),
                inline(data.source()),
                data.validationRows() == 0
                        ? ""
                        : String.format(Locale.ROOT, ", %,d more for validation", data.validationRows()),
                data.maxLength()));
        List<String> labels = data.labels();
        text.append(
                labels.isEmpty()
                        ? " The output is a number."
                        : " The outputs mean, in order: "
                                + labels.stream().map(ModelCard::inline).collect(Collectors.joining(", ")) + ".");
        text.append("\n\n");
    }

    private void groups() {
        text.append("## Groups\n\n| group | purpose | modules | r | lora_alpha | in this adapter |\n");
        text.append("|---|---|---|---|---|---|\n");
        for (LoraGroup group : manifest.groups()) {
            text.append("| ")
                    .append(inline(group.name()))
                    .append(" | ")
                    .append(plain(group.purpose()))
                    .append(" | ")
                    .append(group.modules().stream().map(LoraModule::path).collect(Collectors.joining("<br>")))
                    .append(" | ")
                    .append(all(group, module -> Integer.toString(module.loraRank())))
                    .append(" | ")
                    .append(all(group, module -> plain(module.loraAlpha())))
                    .append(" | ")
                    .append(activeGroups.contains(group.name()) ? "yes" : "no, it never trained")
                    .append(" |\n");
        }
        text.append("\nThe head is saved whole: ")
                .append(details.modulesToSave().stream().map(ModelCard::inline).collect(Collectors.joining(", ")))
                .append(". Biases trained: ")
                .append(manifest.bias().peftName())
                .append(".\n");
    }

    /** The distinct values of a group's modules. */
    private static String all(LoraGroup group, java.util.function.Function<LoraModule, String> value) {
        return group.modules().stream().map(value).distinct().collect(Collectors.joining(", "));
    }

    private static String plain(double alpha) {
        return alpha == StrictMath.rint(alpha) ? Long.toString((long) alpha) : Double.toString(alpha);
    }

    /** The last part of a path or of a hub's name. */
    private static String folder(String path) {
        String[] parts = path.replace('\\', '/').split("/");
        return parts.length == 0 ? path : parts[parts.length - 1];
    }

    private static String inline(String name) {
        return "`" + plain(name).replace("`", "'") + "`";
    }

    /** One line that neither ends a table cell nor opens a tag. */
    private static String plain(String text) {
        return text.strip().replaceAll("\\s*\\R\\s*", " ").replace("|", "\\|").replace("<", "&lt;");
    }

    private static String quoted(String text) {
        try {
            return new ObjectMapper().writeValueAsString(text);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a text cannot fail to become JSON", e);
        }
    }
}
