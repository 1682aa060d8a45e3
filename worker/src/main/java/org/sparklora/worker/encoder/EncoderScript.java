package org.sparklora.worker.encoder;

import org.sparklora.worker.engine.TorchScriptArchive;

/**
 * An encoder as TorchScript source, for archives that run without this program. It computes what {@link Encoder} computes,
 * without dropout. Each weight is an attribute of the module, named by {@link #weight}.
 *
 * <p>The source is what PyTorch writes into an archive, a subset of Python: operators by their names in {@code torch}, one
 * statement per line, indented by two spaces per level.
 */
public interface EncoderScript {

    /** The module's class. */
    String CLASS = "SequenceClassifier";

    /** The module's type: that of {@code self} in every method. */
    String MODULE = TorchScriptArchive.type(CLASS);

    /** Whether the model embeds token types, and so takes {@code token_type_ids}. */
    boolean readsTokenTypes();

    /** Whole methods of the class that {@link #pooled} calls; may be empty. */
    String methods();

    /**
     * Statements of {@code forward} that set {@code pooled} [B, H], the head's input, from {@code input_ids}, {@code
     * attention_mask} and {@code token_type_ids}, all [B, S] int64.
     */
    String pooled();

    /** The expression for a weight. */
    static String weight(String name) {
        return "self." + TorchScriptArchive.attribute(name);
    }
}
