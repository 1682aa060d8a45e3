package org.sparklora.worker.encoder.mpnet;

import ai.djl.ndarray.NDManager;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.encoder.EncoderNames;
import org.sparklora.worker.encoder.EncoderScript;
import org.sparklora.worker.encoder.EncoderSizes;
import org.sparklora.worker.encoder.ForwardPass;
import org.sparklora.worker.encoder.Tokens;
import org.sparklora.worker.encoder.bert.BertEmbeddings;
import org.sparklora.worker.engine.Tensors;

/**
 * Embeddings, and the bias [1, N, S, S] that every layer adds to its scores. It depends on the head and on the distance from query to
 * key: short distances have a bucket each, longer ones share buckets that grow with the logarithm (Raffel et al. 2020,
 * arXiv:1910.10683, section 2.1). As in transformers there are always {@value #BUCKETS} buckets up to a distance of 128, whatever
 * the size of the table [R, N]; the table does not train.
 */
final class RelativeEmbeddings extends BertEmbeddings {

    /** Half of them for keys before the query, half for keys behind it. */
    static final int BUCKETS = 32;

    private static final int SIDE = BUCKETS / 2;
    private static final int EXACT = SIDE / 2;
    private static final float LONGEST = 128;

    private final TensorSpec table;

    RelativeEmbeddings(EncoderSizes sizes, EncoderNames names, int rows) {
        super(sizes, names);
        this.table =
                new TensorSpec(names.prefix() + "encoder.relative_attention_bias.weight", List.of(rows, sizes.heads()));
    }

    @Override
    public List<TensorSpec> weights() {
        return Stream.concat(super.weights().stream(), Stream.of(table)).toList();
    }

    /** Distance is the key's position minus the query's. The logarithms are float32, as in transformers. */
    static int bucket(int distance) {
        int first = distance > 0 ? SIDE : 0;
        int away = Math.abs(distance);
        if (away < EXACT) {
            return first + away;
        }
        float share = (float) StrictMath.log(away / (float) EXACT) / (float) StrictMath.log(LONGEST / EXACT);
        return first + Math.min(SIDE - 1, EXACT + (int) (share * (SIDE - EXACT)));
    }

    @Override
    public Tokens shared(ForwardPass pass, Tokens tokens, NDManager manager) {
        long[] rows = LongStream.range(0, BUCKETS).toArray();
        float[] byBucket = Tensors.toFloats(pass.weight(table.name())
                .rows(Tensors.longs(manager, rows, BUCKETS))
                .array());
        int heads = table.shape().get(1);
        int length = tokens.length();
        int[] buckets = IntStream.range(1 - length, length)
                .map(RelativeEmbeddings::bucket)
                .toArray();
        return tokens.withBias(Tensors.floats(
                manager,
                heads * length * length,
                target -> {
                    for (int head = 0; head < heads; head++) {
                        float[] byDistance = new float[buckets.length];
                        for (int i = 0; i < buckets.length; i++) {
                            byDistance[i] = byBucket[buckets[i] * heads + head];
                        }
                        for (int query = 0; query < length; query++) {
                            target.put(byDistance, length - 1 - query, length);
                        }
                    }
                },
                1,
                heads,
                length,
                length));
    }

    @Override
    public String script() {
        return super.script()
                + EncoderScript.resource(RelativeEmbeddings.class, "relative.py")
                        .replace("TABLE", EncoderScript.weight(table.name()));
    }
}
