package org.sparklora.driver.training;

import java.util.Arrays;
import java.util.OptionalInt;
import org.apache.commons.math3.linear.BlockRealMatrix;
import org.apache.commons.math3.linear.RealMatrix;
import org.apache.commons.math3.linear.RealVector;
import org.netlib.lapack.Dsyevx;
import org.netlib.util.intW;
import org.sparklora.worker.contract.KeyedRandom;
import org.sparklora.worker.lora.Svd;

/**
 * Singular vectors with the LAPACK and the matrices in Java that come with Spark, never a native library: the same bits on every
 * JVM. LAPACK's translation is called itself, because the classes around it (dev.ludovic.netlib) load a native LAPACK if the
 * host has one, and that takes over products of PyTorch in this process: they round differently from then on.
 *
 * <p>Exact: V are the leading eigenvectors of WᵀW, where W is the weight or its transpose, whichever has fewer columns, and
 * U diag(S) = W V. Squares of float32 weights are exact in double precision, so the k-th singular value is right to about
 * (S₁ / Sₖ)² · 1e-14, and only {@code rank} vectors are computed.
 *
 * <p>Randomized: subspace iteration (Halko, Martinsson and Tropp 2011, arXiv:0909.4061, algorithms 4.4 and 5.1) with
 * {@code rank} columns, as torch.svd_lowrank has it, from keyed normal numbers.
 *
 * <p>Calls of LAPACK are serialized, because its translation to Java sets static fields when it is first used; dsyevx, unlike
 * dsyevr, keeps none from one matrix to the next.
 */
final class LapackSvd implements Svd {

    @Override
    public Part leading(float[] weight, int rows, int columns, int rank, OptionalInt iterations, long key) {
        RealMatrix w = new BlockRealMatrix(rows, columns);
        for (int i = 0; i < weight.length; i++) {
            w.setEntry(i / columns, i % columns, weight[i]);
        }
        boolean tall = rows >= columns;
        RealMatrix of = tall ? w : w.transpose();
        Part part = iterations.isPresent() ? randomized(of, rank, iterations.getAsInt(), key) : exact(of, rank);
        return tall ? part : new Part(part.values(), /* left= */ part.right(), /* right= */ part.left());
    }

    /** w [m, n] with m at least n. */
    private static Part exact(RealMatrix w, int rank) {
        RealMatrix right = eigenvectors(w.transpose().multiply(w), rank);
        RealMatrix left = w.multiply(right.transpose());
        double[] values = new double[rank];
        for (int k = 0; k < rank; k++) {
            RealVector u = left.getColumnVector(k);
            values[k] = u.getNorm();
            left.setColumnVector(k, values[k] == 0 ? u : u.mapDivide(values[k]));
        }
        return new Part(values, left.transpose().getData(), right.getData());
    }

    private static Part randomized(RealMatrix w, int rank, int iterations, long key) {
        RealMatrix start = new BlockRealMatrix(w.getColumnDimension(), rank);
        for (int i = 0; i < start.getRowDimension() * rank; i++) {
            start.setEntry(i / rank, i % rank, KeyedRandom.gaussian(key, i));
        }
        RealMatrix q = orthonormal(w.multiply(start));
        for (int i = 0; i < iterations; i++) {
            q = orthonormal(w.multiply(orthonormal(w.transpose().multiply(q))));
        }
        // W is about Q B. The left vectors of B [rank, n] are coordinates in the basis Q.
        Part ofB = exact(w.transpose().multiply(q), rank);
        RealMatrix left = new BlockRealMatrix(ofB.right()).multiply(q.transpose());
        return new Part(ofB.values(), left.getData(), ofB.left());
    }

    /** An orthonormal basis of the columns of x [m, n]. */
    private static RealMatrix orthonormal(RealMatrix x) {
        return new BlockRealMatrix(exact(x, x.getColumnDimension()).left()).transpose();
    }

    /** The eigenvectors of the largest eigenvalues of a symmetric matrix, as rows, in descending order. */
    private static synchronized RealMatrix eigenvectors(RealMatrix symmetric, int count) {
        int n = symmetric.getColumnDimension();
        double[] columns = Arrays.stream(symmetric.getData())
                .flatMapToDouble(Arrays::stream)
                .toArray();
        double[] vectors = new double[n * count];
        double[] work = new double[64 * n];
        intW info = new intW(0);
        Dsyevx.dsyevx(
                "V",
                "I",
                "U",
                n,
                columns,
                0,
                n,
                0,
                0,
                n - count + 1,
                n,
                0,
                new intW(0),
                new double[n],
                0,
                vectors,
                0,
                n,
                work,
                0,
                work.length,
                new int[5 * n],
                0,
                new int[n],
                0,
                info);
        if (info.val != 0) {
            throw new IllegalStateException("LAPACK's dsyevx ended with info " + info.val);
        }
        RealMatrix descending = new BlockRealMatrix(count, n);
        for (int k = 0; k < count; k++) {
            descending.setRow(k, Arrays.copyOfRange(vectors, (count - 1 - k) * n, (count - k) * n));
        }
        return descending;
    }
}
