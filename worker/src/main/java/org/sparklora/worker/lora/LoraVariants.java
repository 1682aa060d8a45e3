package org.sparklora.worker.lora;

import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.sparklora.worker.contract.LoraModule;

/** Every LoRA variant, and which of them settings name. Nothing else maps settings to variants. */
public final class LoraVariants {

    /** One of each. */
    private static final List<LoraVariant> ALL = List.of(
            PlainLora.INSTANCE, Dora.INSTANCE, new Pissa("pissa"), AdaLora.of(Map.of("init_r", 4, "target_r", 2)));

    /** A path of a table of embeddings. */
    private static final String TABLE = "word_embeddings";

    private LoraVariants() {}

    /**
     * The variant of settings, which have the names and defaults of PEFT: those of a job file, of manifest.json, or of
     * adapter_config.json.
     *
     * @param settings by name; Boolean, Number or String. Others than those of variants do not matter
     * @throws IllegalArgumentException where settings exclude each other, in words that follow the file's name
     */
    public static LoraVariant of(Map<String, ?> settings) {
        String type = text(settings, "peft_type", "LORA");
        String dora = text(settings, "use_dora", "false");
        String init = text(settings, "init_lora_weights", "true");
        return switch (String.join(" ", type, dora, init.replaceFirst("^pissa(_niter_\\d+)?$", "pissa"))) {
            case "LORA false true" -> PlainLora.INSTANCE;
            case "LORA true true" -> Dora.INSTANCE;
            case "ADALORA false true" -> AdaLora.of(settings);
            case "LORA false pissa" -> new Pissa(init);
            default ->
                throw new IllegalArgumentException("there is no LoRA variant with peft_type " + type + ", use_dora "
                        + dora + " and init_lora_weights " + init + "; change one of the three");
        };
    }

    private static String text(Map<String, ?> settings, String key, String defaultValue) {
        Object value = settings.get(key);
        return value == null ? defaultValue : value.toString();
    }

    /** One of each variant. */
    public static List<LoraVariant> all() {
        return ALL;
    }

    /** What PEFT appends to a module's path for the tensors of all variants. */
    public static List<String> suffixes() {
        return ALL.stream()
                .flatMap(variant -> Stream.of("", TABLE).flatMap(path -> suffixes(variant, path).stream()))
                .distinct()
                .toList();
    }

    /** The same for one variant and a module, a Linear or a table of embeddings, in the order of its tensors. */
    public static List<String> suffixes(LoraVariant variant, String path) {
        return variant.tensors(new LoraModule(path, 1, 1, 1, 1)).stream()
                .map(tensor -> tensor.name().substring(path.length()))
                .toList();
    }
}
