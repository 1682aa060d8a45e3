package org.sparklora.worker.encoder.deberta;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.function.Function;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;
import org.sparklora.worker.encoder.Tokens;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.engine.Variable;

/**
 * What the layers of DeBERTa share for one batch: its tokens, and the relative embeddings of the distances between them.
 *
 * @param embeddings normalized, [R, H] float32: the part of the table that sequences of S tokens reach
 * @param up the row of {@code embeddings} of each distance from 1 − S up to S − 1, [2S − 1] int64
 * @param down the same from S − 1 down to 1 − S
 * @param fromFirst the same from 0 down to 1 − S, [S]: of the first token to each token
 */
record Distances(Tokens tokens, Variable embeddings, NDArray up, NDArray down, NDArray fromFirst) {

    /**
     * The distances of a batch.
     *
     * @param manager owns the arrays
     * @param embeddings the relative embeddings of given rows of the table
     */
    static Distances of(
            Tokens tokens, NDManager manager, RelativePosition positions, Function<NDArray, Variable> embeddings) {
        int far = tokens.length() - 1;
        int lowest = positions.row(-far);
        NDArray reached = longs(manager, positions.row(far) - lowest + 1, i -> lowest + i);
        IntUnaryOperator row = distance -> positions.row(distance) - lowest;
        return new Distances(
                tokens,
                embeddings.apply(reached),
                longs(manager, 2 * far + 1, i -> row.applyAsInt(i - far)),
                longs(manager, 2 * far + 1, i -> row.applyAsInt(far - i)),
                longs(manager, far + 1, i -> row.applyAsInt(-i)));
    }

    private static NDArray longs(NDManager manager, int count, IntUnaryOperator value) {
        return Tensors.longs(
                manager,
                IntStream.range(0, count).map(value).asLongStream().toArray(),
                count);
    }
}
