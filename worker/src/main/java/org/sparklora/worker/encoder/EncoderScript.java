package org.sparklora.worker.encoder;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.sparklora.worker.engine.TorchScriptArchive;

/**
 * An encoder as TorchScript source, for archives that run without this program. It computes what {@link Encoder} computes,
 * statement by statement, without dropout. The last layer computes only the first token, as there. Each weight is an attribute
 * of the module, named by {@link #weight}.
 *
 * <p>The source is what PyTorch writes into an archive, a subset of Python: operators by their names in {@code torch}, one
 * statement per line, indented by two spaces per level.
 */
public final class EncoderScript {

    /** The module's class. */
    public static final String CLASS = "SequenceClassifier";

    /** The module's type: that of {@code self} in every method. */
    public static final String MODULE = TorchScriptArchive.type(CLASS);

    /** The parameter {@code asking} of layer() is x itself, or its first token [B, 1, H] if no other token is read any more. */
    private static final String METHODS = resource("methods.py");

    private static final String EMBED = resource("embed.py");

    private final Encoder encoder;
    private final List<LayerPaths> layers;
    private final Optional<String> pooler;

    EncoderScript(Encoder encoder, List<LayerPaths> layers, Optional<String> pooler) {
        this.encoder = encoder;
        this.layers = layers;
        this.pooler = pooler;
    }

    private static String resource(String name) {
        try (InputStream in = Objects.requireNonNull(EncoderScript.class.getResourceAsStream(name), name)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Whether the model embeds token types, and so takes {@code token_type_ids}. */
    public boolean readsTokenTypes() {
        return sizes().types().given();
    }

    /** The expression for a weight. */
    public static String weight(String name) {
        return "self." + TorchScriptArchive.attribute(name);
    }

    /** Whole methods of the class that {@link #pooled} calls. */
    public String methods() {
        return METHODS.replace("MODULE", MODULE)
                .replace("HEAD_SIZE", Integer.toString(sizes().headSize()))
                .replace("HEADS", Integer.toString(sizes().heads()))
                .replace("HIDDEN", Integer.toString(sizes().hidden()))
                .replace("EPS", eps());
    }

    /**
     * Statements of {@code forward} that set {@code pooled} [B, H], the head's input, from {@code input_ids}, {@code
     * attention_mask} and {@code token_type_ids}, all [B, S] int64.
     */
    public String pooled() {
        StringBuilder code = new StringBuilder(EMBED.replace("TYPED", typed())
                .replace("POSITIONS", positions())
                .replace("LONGEST", Integer.toString(encoder.maxPositions()))
                .replace("WORDS", weight(encoder.embeddings("word_embeddings.weight")))
                .replace("TYPES", weight(encoder.embeddings("token_type_embeddings.weight")))
                .replace("PLACES", weight(encoder.embeddings("position_embeddings.weight")))
                .replace("NORM", weightAndBias(encoder.embeddings("LayerNorm")))
                .replace("HIDDEN", Integer.toString(sizes().hidden()))
                .replace("EPS", eps()));
        int last = sizes().layers() - 1;
        IntStream.range(0, last).forEach(layer -> code.append(layer(layer, "x" + layer)));
        code.append("    first = torch.slice(x" + last + ", 1, 0, 1)\n");
        code.append(layer(last, "first"));
        String read = "torch.squeeze(x" + sizes().layers() + ", 1)";
        String pooled = pooler.map(path -> "torch.tanh(torch.linear(" + read + ", " + weightAndBias(path) + "))")
                .orElse(read);
        code.append("    pooled = ").append(pooled).append('\n');
        return code.toString();
    }

    /** The sum of word and token type embeddings: words [B, S, H], token types [H] or [B, S, H]. */
    private String typed() {
        if (sizes().types().rows() == 0) {
            return "words";
        }
        String types = readsTokenTypes() ? "torch.embedding(TYPES, token_type_ids)" : "torch.select(TYPES, 0, 0)";
        return "torch.add(words, " + types + ")";
    }

    /** The position embeddings, [S, H] or [B, S, H]. */
    private String positions() {
        OptionalInt padTokenId = sizes().positions().padTokenId();
        if (padTokenId.isEmpty()) {
            return "torch.slice(PLACES, 0, 0, length)";
        }
        // 4 is int64. Padding has the position pad_token_id, everything else counts on from there.
        int pad = padTokenId.getAsInt();
        String there = "torch.to(torch.ne(input_ids, " + pad + "), 4)";
        return "torch.embedding(PLACES, torch.add(torch.mul(torch.cumsum(" + there + ", 1), " + there + "), " + pad
                + "))";
    }

    private String layer(int layer, String asking) {
        LayerPaths names = layers.get(layer);
        // In the order of the parameters of the method.
        String weights = Stream.of(
                        names.projections().query(),
                        names.projections().key(),
                        names.projections().value(),
                        names.attended().dense(),
                        names.attended().norm(),
                        names.intermediate(),
                        names.output().dense(),
                        names.output().norm())
                .map(EncoderScript::weightAndBias)
                .collect(Collectors.joining(", "));
        return "    x" + (layer + 1) + " = (self).layer(x" + layer + ", " + asking + ", mask, " + weights + ", )\n";
    }

    private static String weightAndBias(String module) {
        return weight(module + ".weight") + ", " + weight(module + ".bias");
    }

    private EncoderSizes sizes() {
        return encoder.sizes();
    }

    private String eps() {
        return Double.toString(sizes().layerNormEps());
    }
}
