package org.sparklora.driver.model.peft;

import java.util.Optional;
import java.util.regex.Pattern;
import org.sparklora.worker.lora.LoraVariants;

/**
 * Tensor names: translates PEFT's spellings, old and current, to the one inside spark-lora. The names of a LoRA variant's
 * own tensors come from {@link org.sparklora.worker.lora.LoraVariant#tensors}.
 */
public final class PeftKeys {

    /** PEFT's prefix before the base model's own names. */
    static final String PREFIX = "base_model.model.";

    /** How current PEFT names the bias of an adapted module. */
    static final String BASE_LAYER = ".base_layer.bias";

    /** PEFT's name for an adapter inside a model. A raw state_dict has it in its keys; save_pretrained removes it. */
    private static final String ADAPTER = ".default";

    private static final Pattern IN_ADAPTER = Pattern.compile("(\\.lora_\\w+)" + ADAPTER + "(?=\\.|$)");

    private PeftKeys() {}

    /**
     * The canonical name of a tensor in an adapter file.
     *
     * @param file for messages
     * @return empty for the untrained copy of the head that PEFT 0.3.0 also writes with bias {@code all}
     */
    public static Optional<String> canonical(String file, String key) {
        if (!key.startsWith(PREFIX)) {
            throw new PeftException(
                    "adapter.tensor",
                    file + ": tensor '" + key + "' does not begin with '" + PREFIX
                            + "'; this is not an adapter that PEFT saved");
        }
        if (key.contains(".original_module.")) {
            return Optional.empty();
        }
        String name = key.substring(PREFIX.length());
        name = IN_ADAPTER
                .matcher(name)
                .replaceFirst("$1")
                .replace(".modules_to_save" + ADAPTER + ".", ".")
                .replace(".modules_to_save.", ".")
                .replace(BASE_LAYER, ".bias")
                .replaceFirst("(\\.lora_magnitude_vector)\\.weight$", "$1");
        boolean lora = LoraVariants.suffixes().stream().anyMatch(name::endsWith);
        if (!lora && (name.contains(".lora_") || name.contains(".base_layer."))) {
            throw new PeftException(
                    "adapter.unsupported",
                    file + ": tensor '" + key
                            + "' is not part of a LoRA adapter on Linear modules; such adapters cannot be loaded");
        }
        return Optional.of(name);
    }
}
