package org.sparklora.worker.lora;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.Precision;
import org.sparklora.worker.engine.Graph;
import org.sparklora.worker.engine.KeyedDropout;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.engine.Variable;
import org.sparklora.worker.lora.LoraVariant.PairAtRest;

/**
 * The pairs of one module for a batch whose rows have an adapter each. The frozen weight is multiplied once with all rows, and
 * one batched product multiplies each row with its own pair, as Punica does (Chen et al. 2023, arXiv:2310.18547): the work
 * does not depend on how many adapters the batch has, or on the order of its rows.
 *
 * <p>x [M, in] holds B rows of M / B tokens. A [B, r, in] and B [B, out, r] are those of each row; r is the largest rank, and zeros
 * fill up smaller ones. The scaling is a factor of A.
 *
 * <p>For prediction only: nothing drops out or has a gradient. Arrays belong to the manager of the graph.
 */
public final class RoutedPairs implements LoraVariant.Layer {

    private final int rows;
    private final Variable a;
    private final Variable b;

    private RoutedPairs(int rows, Variable a, Variable b) {
        this.rows = rows;
        this.a = a;
        this.b = b;
    }

    /**
     * The pairs of a module.
     *
     * @param module its path and sizes; ranks may differ from row to row
     * @param pairs of each row; empty for a row whose adapter leaves the module as it is
     */
    public static RoutedPairs of(Graph graph, LoraModule module, List<Optional<PairAtRest>> pairs) {
        int in = module.inFeatures();
        int out = module.outFeatures();
        int rank = pairs.stream()
                .flatMap(Optional::stream)
                .mapToInt(pair -> pair.b().length / out)
                .max()
                .orElse(1);
        float[] allA = new float[pairs.size() * rank * in];
        float[] allB = new float[pairs.size() * out * rank];
        for (int row = 0; row < pairs.size(); row++) {
            if (pairs.get(row).isPresent()) {
                PairAtRest pair = pairs.get(row).get();
                float scaling = (float) pair.scaling();
                int start = row * rank * in;
                for (int i = 0; i < pair.a().length; i++) {
                    allA[start + i] = pair.a()[i] * scaling;
                }
                int own = pair.b().length / out;
                for (int o = 0; o < out; o++) {
                    System.arraycopy(pair.b(), o * own, allB, (row * out + o) * rank, own);
                }
            }
        }
        return new RoutedPairs(
                pairs.size(),
                graph.constant(Tensors.floats(graph.manager(), allA, pairs.size(), rank, in)),
                graph.constant(Tensors.floats(graph.manager(), allB, pairs.size(), out, rank)));
    }

    @Override
    public Variable forward(Variable x, Variable weight, @Nullable Variable bias, KeyedDropout masks) {
        Precision precision = x.precision();
        int in = x.shape().get(1);
        int out = weight.shape().get(0);
        if (x.shape().get(0) % rows != 0) {
            throw new IllegalStateException(x.shape().get(0) + " vectors are not those of " + rows + " rows");
        }
        Variable base = x.linear(weight, bias, null);
        Variable delta = x.to(Precision.FLOAT32)
                .traced(vectors -> vectors.reshape(new Shape(rows, -1, in))
                        .matMul(swapped(a, vectors.getManager()))
                        .matMul(swapped(b, vectors.getManager()))
                        .reshape(new Shape(-1, out)));
        return base.to(Precision.FLOAT32).plus(delta).to(precision);
    }

    @Override
    public List<Variable> parameters() {
        return List.of(a, b);
    }

    @Override
    public NDArray merged(NDArray weight, NDManager manager) {
        throw new UnsupportedOperationException("the pairs of several adapters have no merged weight in common");
    }

    @Override
    public NDArray dot(LinearByHead linear, NDArray query, NDArray x) {
        // [B, N, 1, D] x [B, N, D, r]: the query of each head meets the rows of B that make its keys.
        NDArray narrow = query.transpose(1, 0, 2).expandDims(2).matMul(byHead(linear.heads(), x.getManager()));
        NDArray ofPairs = narrow.squeeze(2).matMul(a.array()).transpose(1, 0, 2);
        return LinearByHead.products(linear.queryTimesWeight(query).add(ofPairs), x)
                .add(linear.queryTimesBias(query));
    }

    @Override
    public NDArray weigh(LinearByHead linear, NDArray weights, NDArray x) {
        NDArray mean = linear.mean(weights, x);
        NDArray narrow = mean.transpose(1, 0, 2).matMul(swapped(a, x.getManager()));
        NDArray ofPairs = narrow.expandDims(2)
                .matMul(byHead(linear.heads(), x.getManager()).swapAxes(2, 3))
                .squeeze(2);
        return linear.weighMean(weights, mean).add(ofPairs.transpose(1, 0, 2));
    }

    /** B as [B, N, D, r]. */
    private NDArray byHead(int heads, NDManager manager) {
        NDArray byHead = b.array().reshape(new Shape(rows, heads, -1, b.shape().get(2)));
        byHead.attach(manager);
        return byHead;
    }

    /** [B, N, M] to [B, M, N]; a view, which belongs to the manager of its array unless it is moved. */
    private static NDArray swapped(Variable pairs, NDManager manager) {
        NDArray view = pairs.array().transpose(0, 2, 1);
        view.attach(manager);
        return view;
    }
}
