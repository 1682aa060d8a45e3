package org.sparklora.worker.engine;

/** The form of a GELU (Hendrycks and Gimpel 2016, arXiv:1606.08415). */
public enum Gelu {
    /** x Φ(x), with the error function. */
    ERF("none"),
    /** x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2. */
    TANH("tanh");

    private final String approximate;

    Gelu(String approximate) {
        this.approximate = approximate;
    }

    /** The argument {@code approximate} of {@code torch.gelu}. */
    public String approximate() {
        return approximate;
    }
}
