package org.sparklora.worker.contract;

import java.io.Serializable;

/**
 * One adapted Linear: y = x Wᵀ + b + (x Aᵀ) Bᵀ · scaling, with A [r, in] and B [out, r]. Or one adapted table of embeddings
 * [in, out]: its row i becomes Wᵢ + aᵢ Bᵀ · scaling, where aᵢ is column i of A.
 *
 * @param path full module name as Hugging Face gives it, e.g. {@code bert.encoder.layer.11.attention.self.query}
 * @param loraRank r
 * @param loraAlpha alpha; the scaling is alpha / r, or alpha / √r when rank-stabilised
 */
public record LoraModule(String path, int loraRank, double loraAlpha, int inFeatures, int outFeatures)
        implements Serializable {

    /** What PEFT appends to a module's path for A. */
    public static final String A = ".lora_A.weight";

    /** What PEFT appends to a module's path for B. */
    public static final String B = ".lora_B.weight";

    /** The same for A of a table, which PEFT holds in a parameter of its own. */
    public static final String TABLE_A = ".lora_embedding_A";

    /** The same for B of a table. */
    public static final String TABLE_B = ".lora_embedding_B";

    /** @throws IllegalArgumentException where r is outside 1 to min(in, out) */
    public LoraModule {
        int most = Math.min(inFeatures, outFeatures);
        if (loraRank < 1 || loraRank > most) {
            throw new IllegalArgumentException("module '" + path + "': rank " + loraRank + " is outside 1.." + most
                    + " (the smaller side of a " + outFeatures + " x " + inFeatures
                    + " weight); change r in the job file");
        }
    }

    /** The same module with another rank and alpha. */
    public LoraModule with(int rank, double alpha) {
        return new LoraModule(path, rank, alpha, inFeatures, outFeatures);
    }

    /** Whether a path is that of a table of embeddings: Hugging Face names those alone {@code …_embeddings}. */
    public static boolean isTable(String path) {
        return path.endsWith("_embeddings");
    }

    /** Whether this is a table of embeddings. */
    public boolean isTable() {
        return isTable(path);
    }

    /** Name of A, [r, in]. */
    public String loraA() {
        return path + (isTable() ? TABLE_A : A);
    }

    /** Name of B, [out, r]. */
    public String loraB() {
        return path + (isTable() ? TABLE_B : B);
    }

    /** Whether a tensor of this name is the B of some module; AdaLoRA's is a parameter, without {@code .weight}. */
    public static boolean isLoraB(String tensor) {
        return tensor.endsWith(B) || tensor.endsWith(".lora_B");
    }

    /** Name of the Linear's own bias, [out]; trained only with bias {@code lora_only} or {@code all}. */
    public String bias() {
        return path + ".bias";
    }

    /** alpha / r; with {@code rankStabilized} alpha / √r (Kalajdzievski 2023, arXiv:2312.03732). */
    public double scaling(boolean rankStabilized) {
        return loraAlpha / (rankStabilized ? StrictMath.sqrt(loraRank) : loraRank);
    }
}
