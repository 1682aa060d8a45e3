package org.sparklora.worker.encoder;

/**
 * An encoder as TorchScript source, for archives that run without this program. It computes what {@link Encoder} computes,
 * without dropout; each weight is an attribute of the module, named by {@link #weight}.
 *
 * <p>The source is what PyTorch writes into an archive, a subset of Python: operators by their names in {@code torch},
 * one statement a line, indented by two spaces a level.
 */
public interface EncoderScript {

    /** The module's type, that of {@code self} in every method. */
    String MODULE = "__torch__.SequenceClassifier";

    /** Whether the model has an embedding for the token's text of a pair, so that {@code token_type_ids} count. */
    boolean readsTokenTypes();

    /** Methods that {@link #pooled} calls, whole, as they stand in the class; may be empty. */
    String methods();

    /**
     * Statements of {@code forward} that set {@code pooled} [B, H], what the head reads, from {@code input_ids}, {@code
     * attention_mask} and {@code token_type_ids}, all [B, S] int64.
     */
    String pooled();

    /** How source calls a weight. */
    static String weight(String name) {
        return "self." + attribute(name);
    }

    /** The attribute that holds a weight: its name, with an underscore for each dot. */
    static String attribute(String name) {
        return name.replace('.', '_');
    }
}
