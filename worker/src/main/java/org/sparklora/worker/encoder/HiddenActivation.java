package org.sparklora.worker.encoder;

import java.util.Map;
import org.sparklora.worker.engine.Gelu;

/** The activation between the two Linears of a layer's feed-forward network. */
public enum HiddenActivation {
    /** x Φ(x), with the error function (Hendrycks and Gimpel 2016, arXiv:1606.08415): transformers' {@code gelu}. */
    GELU,
    /** x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2, of the original BERT and GPT: transformers' {@code gelu_new}. */
    GELU_TANH;

    /** transformers' names. The names of one activation differ in who computes it, not in what it computes. */
    private static final Map<String, HiddenActivation> BY_NAME = Map.of(
            "gelu", GELU,
            "gelu_python", GELU,
            "gelu_new", GELU_TANH,
            "gelu_fast", GELU_TANH,
            "gelu_pytorch_tanh", GELU_TANH,
            "gelu_accurate", GELU_TANH);

    /** The activation that a key of config.json names; {@link #GELU} if it is missing. */
    public static HiddenActivation of(EncoderConfig config, String key) {
        String name = config.text(key).orElse("gelu");
        HiddenActivation activation = BY_NAME.get(name);
        if (activation == null) {
            throw config.unsupported(key + " '" + name + "' is not supported; supported are "
                    + String.join(", ", BY_NAME.keySet().stream().sorted().toList()));
        }
        return activation;
    }

    /** The form of the GELU. */
    public Gelu form() {
        return this == GELU ? Gelu.ERF : Gelu.TANH;
    }

    /** The argument {@code approximate} of {@code torch.gelu}. */
    public String script() {
        return '"' + form().approximate() + '"';
    }
}
