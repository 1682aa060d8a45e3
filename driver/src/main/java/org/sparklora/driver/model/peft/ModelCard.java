package org.sparklora.driver.model.peft;

import com.fasterxml.jackson.databind.node.TextNode;
import java.util.Collection;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.sparklora.driver.job.config.HubId;
import org.sparklora.driver.job.text.Resource;
import org.sparklora.driver.model.peft.AdapterDetails.TrainingSummary;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.TensorSpec;

/**
 * The README.md of an adapter directory, with the header by which hubs recognize a PEFT adapter. It is for people; no
 * program reads it. It names the base model by its folder or hub id and holds no time, version or path, so equal runs give equal
 * cards.
 */
final class ModelCard {

    private ModelCard() {}

    /** @param activeGroups names of the groups that the adapter holds */
    static String of(LoraManifest manifest, Set<String> activeGroups, AdapterDetails details) {
        String base = HubId.of(details.baseModel()).map(HubId::repository).orElseGet(() -> folder(details.baseModel()));
        int outputs = manifest.head().stream()
                .filter(tensor -> tensor.shape().size() == 1)
                .mapToInt(TensorSpec::size)
                .findFirst()
                .orElse(1);
        Map<String, String> values = Map.of(
                "base", TextNode.valueOf(base).toString(),
                "name", inline(base),
                "kind", details.taskType().equals("TOKEN_CLS") ? "TokenClassification" : "SequenceClassification",
                "outputs", Integer.toString(outputs),
                "training", details.trainedOn().map(ModelCard::training).orElse(""),
                "groups",
                        manifest.groups().stream()
                                .map(group -> row(group, activeGroups.contains(group.name())))
                                .collect(Collectors.joining()),
                "modules_to_save", inline(details.modulesToSave()),
                "bias", manifest.bias().peftName());
        return Resource.filled(ModelCard.class, "model-card.md", values);
    }

    private static String training(TrainingSummary data) {
        String validation = data.validationRows() == 0
                ? ""
                : String.format(Locale.ROOT, ", %,d more for validation", data.validationRows());
        return String.format(
                Locale.ROOT,
                "## Training data\n\n%,d rows of %s%s, texts of at most %,d tokens. %s.\n\n",
                data.rows(),
                inline(data.source()),
                validation,
                data.maxLength(),
                data.labels().isEmpty()
                        ? "The output is a number"
                        : "The outputs mean, in order: " + inline(data.labels()));
    }

    private static String row(LoraGroup group, boolean active) {
        String[] cells = {
            inline(group.name()),
            plain(group.purpose()),
            group.modules().stream().map(LoraModule::path).collect(Collectors.joining("<br>")),
            distinct(group, module -> Integer.toString(module.loraRank())),
            distinct(group, module -> plain(module.loraAlpha())),
            active ? "yes" : "no, it never trained"
        };
        return "| " + String.join(" | ", cells) + " |\n";
    }

    /** The distinct values of a group's modules. */
    private static String distinct(LoraGroup group, Function<LoraModule, String> value) {
        return group.modules().stream().map(value).distinct().collect(Collectors.joining(", "));
    }

    private static String plain(double alpha) {
        return alpha == StrictMath.rint(alpha) ? Long.toString((long) alpha) : Double.toString(alpha);
    }

    /** The last part of a path. */
    private static String folder(String path) {
        String[] parts = path.replace('\\', '/').split("/");
        return parts.length == 0 ? path : parts[parts.length - 1];
    }

    private static String inline(Collection<String> names) {
        return names.stream().map(ModelCard::inline).collect(Collectors.joining(", "));
    }

    private static String inline(String name) {
        return "`" + plain(name).replace("`", "'") + "`";
    }

    /** One line that neither ends a table cell nor opens a tag. */
    private static String plain(String text) {
        return text.strip().replaceAll("\\s*\\R\\s*", " ").replace("|", "\\|").replace("<", "&lt;");
    }
}
