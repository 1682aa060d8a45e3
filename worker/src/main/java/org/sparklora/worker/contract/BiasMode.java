package org.sparklora.worker.contract;

import java.util.Locale;

/** Which biases of the base model train, as PEFT's {@code bias} says. */
public enum BiasMode {
    /** None. */
    NONE,
    /** Every bias of the encoder, in the implicit group {@link LoraManifest#BIAS}, always live. */
    ALL,
    /** The bias of each adapted module, as part of its group. */
    LORA_ONLY;

    /** PEFT's spelling: {@code none}, {@code all}, {@code lora_only}. */
    public String peftName() {
        return name().toLowerCase(Locale.ROOT);
    }
}
