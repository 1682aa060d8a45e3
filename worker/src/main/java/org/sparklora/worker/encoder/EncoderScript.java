package org.sparklora.worker.encoder;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import java.util.stream.Collectors;
import org.sparklora.worker.engine.TorchScriptArchive;

/**
 * An encoder as TorchScript source, for archives that run without this program. Each {@linkplain EncoderParts part} writes what it
 * computes, statement by statement, without dropout. The last layer computes only the first token where {@link Encoder} does. Each
 * weight is an attribute of the module, named by {@link #weight}.
 *
 * <p>The source is what PyTorch writes into an archive, a subset of Python: operators by their names in {@code torch}, one
 * statement per line, indented by two spaces per level.
 */
public final class EncoderScript {

    /** The module's class. */
    public static final String CLASS = "SequenceClassifier";

    /** The module's type: that of {@code self} in every method. */
    public static final String MODULE = TorchScriptArchive.type(CLASS);

    private final Encoder encoder;
    private final EncoderParts<?> parts;

    EncoderScript(Encoder encoder, EncoderParts<?> parts) {
        this.encoder = encoder;
        this.parts = parts;
    }

    /** A text file beside a class. */
    public static String resource(Class<?> beside, String name) {
        try (InputStream in = Objects.requireNonNull(beside.getResourceAsStream(name), name)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Code with the module's type, the sizes and the activation in place of MODULE, HEAD_SIZE, HEADS, HIDDEN, ACTIVATION, EPS. */
    public static String filled(String code, EncoderSizes sizes) {
        return code.replace("MODULE", MODULE)
                .replace("HEAD_SIZE", Integer.toString(sizes.headSize()))
                .replace("HEADS", Integer.toString(sizes.heads()))
                .replace("HIDDEN", Integer.toString(sizes.hidden()))
                .replace("ACTIVATION", sizes.activation().script())
                .replace("EPS", Double.toString(sizes.layerNormEps()));
    }

    /** Whether the model embeds token types, and so takes {@code token_type_ids}. */
    public boolean readsTokenTypes() {
        return encoder.sizes().types().given();
    }

    /** The expression for a weight. */
    public static String weight(String name) {
        return "self." + TorchScriptArchive.attribute(name);
    }

    /** The expressions for the weight and the bias of a module, as arguments. */
    public static String weightAndBias(String module) {
        return weight(module + ".weight") + ", " + weight(module + ".bias");
    }

    /** Whole methods of the class that {@link #pooled} calls. */
    public String methods() {
        return parts.layers().stream().map(EncoderLayer::methods).distinct().collect(Collectors.joining());
    }

    /**
     * Statements of {@code forward} that set {@code pooled} [B, H], the head's input, from {@code input_ids}, {@code
     * attention_mask} and {@code token_type_ids}, all [B, S] int64.
     */
    public String pooled() {
        StringBuilder code = new StringBuilder(parts.embeddings().script());
        String x = "x0";
        for (int index = 1; index <= encoder.layers(); index++) {
            String asking = x;
            if (encoder.firstTokenAlone(index)) {
                asking = "first";
                code.append("    first = torch.slice(").append(x).append(", 1, 0, 1)\n");
            }
            code.append(encoder.layer(index).script(x, asking, "x" + index));
            x = "x" + index;
        }
        String read = encoder.firstTokenAlone(encoder.layers()) ? "torch.squeeze(" + x + ", 1)" : x;
        String pooled = parts.pooler().map(pooler -> pooler.script(read)).orElse(read);
        return code.append("    pooled = ").append(pooled).append('\n').toString();
    }
}
