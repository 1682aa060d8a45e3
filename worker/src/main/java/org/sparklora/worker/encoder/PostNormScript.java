package org.sparklora.worker.encoder;

import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** A {@link PostNormEncoder} as TorchScript, statement by statement. The last layer computes only the first token, as there. */
record PostNormScript(
        PostNormEncoder encoder,
        String embeddings,
        List<LayerPaths> layers,
        Optional<String> pooler,
        EmbeddingLookups lookups)
        implements EncoderScript {

    /** {@code asking} is x itself, or its first token [B, 1, H] if the other tokens are no longer read. */
    private static final String METHODS = """
              def heads(self: MODULE,
                x: Tensor) -> Tensor:
                split = torch.reshape(x, [torch.size(x, 0), torch.size(x, 1), HEADS, HEAD_SIZE])
                return torch.transpose(split, 1, 2)
              def layer(self: MODULE,
                x: Tensor,
                asking: Tensor,
                mask: Tensor,
                query_weight: Tensor,
                query_bias: Tensor,
                key_weight: Tensor,
                key_bias: Tensor,
                value_weight: Tensor,
                value_bias: Tensor,
                attention_weight: Tensor,
                attention_bias: Tensor,
                attention_norm_weight: Tensor,
                attention_norm_bias: Tensor,
                intermediate_weight: Tensor,
                intermediate_bias: Tensor,
                output_weight: Tensor,
                output_bias: Tensor,
                output_norm_weight: Tensor,
                output_norm_bias: Tensor) -> Tensor:
                query = (self).heads(torch.linear(asking, query_weight, query_bias), )
                key = (self).heads(torch.linear(x, key_weight, key_bias), )
                value = (self).heads(torch.linear(x, value_weight, value_bias), )
                by_head = torch.scaled_dot_product_attention(query, key, value, mask, 0., False)
                context = torch.reshape(torch.transpose(by_head, 1, 2), torch.size(asking))
                attention = torch.linear(context, attention_weight, attention_bias)
                attended = torch.layer_norm(torch.add(attention, asking), [HIDDEN], attention_norm_weight, attention_norm_bias, EPS)
                inner = torch.gelu(torch.linear(attended, intermediate_weight, intermediate_bias))
                output = torch.linear(inner, output_weight, output_bias)
                return torch.layer_norm(torch.add(output, attended), [HIDDEN], output_norm_weight, output_norm_bias, EPS)
            """;

    private static final String EMBED = """
                length = torch.size(input_ids, 1)
                if torch.gt(length, LONGEST):
                  ops.prim.RaiseException("a text has more tokens than the model has positions, LONGEST: truncate it")
                else:
                  pass
                words = torch.embedding(WORDS, input_ids)
                typed = TYPED
                positions = POSITIONS
                embedded = torch.add(typed, positions)
                x0 = torch.layer_norm(embedded, [HIDDEN], NORM, EPS)
                padding = torch.to(torch.eq(attention_mask, 0), x0)
                mask = torch.mul(torch.reshape(padding, [torch.size(input_ids, 0), 1, 1, length]), -3.4028234663852886e+38)
            """;

    @Override
    public boolean readsTokenTypes() {
        return lookups.readsTokenTypes();
    }

    @Override
    public String methods() {
        return METHODS.replace("MODULE", MODULE)
                .replace("HEAD_SIZE", Integer.toString(sizes().headSize()))
                .replace("HEADS", Integer.toString(sizes().heads()))
                .replace("HIDDEN", Integer.toString(sizes().hidden()))
                .replace("EPS", eps());
    }

    @Override
    public String pooled() {
        String typed =
                lookups.types().map(types -> "torch.add(words, " + types + ")").orElse("words");
        StringBuilder code = new StringBuilder(EMBED.replace("TYPED", typed)
                .replace("POSITIONS", lookups.positions())
                .replace("LONGEST", Integer.toString(encoder.maxPositions()))
                .replace("WORDS", EncoderScript.weight(embeddings + "word_embeddings.weight"))
                .replace("TYPES", EncoderScript.weight(embeddings + "token_type_embeddings.weight"))
                .replace("PLACES", EncoderScript.weight(embeddings + "position_embeddings.weight"))
                .replace("NORM", weightAndBias(embeddings + "LayerNorm"))
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
                .map(PostNormScript::weightAndBias)
                .collect(Collectors.joining(", "));
        return "    x" + (layer + 1) + " = (self).layer(x" + layer + ", " + asking + ", mask, " + weights + ", )\n";
    }

    private static String weightAndBias(String module) {
        return EncoderScript.weight(module + ".weight") + ", " + EncoderScript.weight(module + ".bias");
    }

    private EncoderSizes sizes() {
        return encoder.sizes();
    }

    private String eps() {
        return Double.toString(sizes().layerNormEps());
    }
}
