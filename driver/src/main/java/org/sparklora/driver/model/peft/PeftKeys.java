package org.sparklora.driver.model.peft;

import java.util.Optional;

/** Tensor names: PEFT's spellings, old and current, to spark-lora's one. */
public final class PeftKeys {

    /** What PEFT puts before the base model's own names. */
    static final String PREFIX = "base_model.model.";

    /** What current PEFT puts between an adapted module and its own tensors. */
    static final String BASE_LAYER = ".base_layer.bias";

    private PeftKeys() {}

    /**
     * The canonical name of a tensor in an adapter file.
     *
     * @param file for messages
     * @return empty for the untrained copy of the head that PEFT 0.3.0 writes along with bias {@code all}
     */
    public static Optional<String> canonical(String file, String key) {
        if (!key.startsWith(PREFIX)) {
            throw new PeftException(file + ": tensor '" + key + "' does not begin with '" + PREFIX
                    + "'; this is not an adapter that PEFT saved");
        }
        if (key.contains(".original_module.")) {
            return Optional.empty();
        }
        // "default" is the adapter's name inside PEFT; a raw state_dict keeps it, save_pretrained strips it.
        String name = key.substring(PREFIX.length())
                .replace(".lora_A.default.", ".lora_A.")
                .replace(".lora_B.default.", ".lora_B.")
                .replace(".modules_to_save.default.", ".")
                .replace(".modules_to_save.", ".")
                .replace(BASE_LAYER, ".bias");
        boolean lora = name.endsWith(".lora_A.weight") || name.endsWith(".lora_B.weight");
        if (!lora && (name.contains(".lora_") || name.contains(".base_layer."))) {
            throw new PeftException(file + ": tensor '" + key
                    + "' is no part of a plain LoRA adapter on Linear modules;" + " such adapters cannot be loaded");
        }
        return Optional.of(name);
    }
}
