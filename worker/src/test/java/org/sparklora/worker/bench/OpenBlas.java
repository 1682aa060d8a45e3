package org.sparklora.worker.bench;

import com.sun.jna.Function;
import com.sun.jna.NativeLibrary;
import java.util.Arrays;
import java.util.OptionalDouble;

/** The rate of OpenBLAS, if the machine has it: PyTorch builds of Linux distributions multiply with it. */
final class OpenBlas {

    private static final int ROW_MAJOR = 101;
    private static final int PLAIN = 111;
    private static final int TRANSPOSED = 112;

    private OpenBlas() {}

    /** Operations per second of x Wᵀ with x [1024, 768] and W [3072, 768] on one thread; empty without the library. */
    static OptionalDouble rate(int rounds) {
        NativeLibrary library;
        try {
            library = NativeLibrary.getInstance("openblas");
        } catch (UnsatisfiedLinkError e) {
            return OptionalDouble.empty();
        }
        library.getFunction("openblas_set_num_threads").invokeVoid(new Object[] {1});
        Function sgemm = library.getFunction("cblas_sgemm");
        int m = 1024;
        int in = 768;
        int out = 3072;
        var x = new com.sun.jna.Memory(4L * m * in);
        var w = new com.sun.jna.Memory(4L * out * in);
        var y = new com.sun.jna.Memory(4L * m * out);
        x.setMemory(0, x.size(), (byte) 60);
        w.setMemory(0, w.size(), (byte) 60);
        Object[] arguments = {ROW_MAJOR, PLAIN, TRANSPOSED, m, out, in, 1f, x, in, w, in, 0f, y, out};
        double[] rates = new double[rounds];
        Arrays.setAll(rates, round -> {
            long began = System.nanoTime();
            sgemm.invokeVoid(arguments);
            return 2.0 * m * in * out / ((System.nanoTime() - began) / 1e9);
        });
        Arrays.sort(rates);
        return OptionalDouble.of(rates[rounds / 2]);
    }
}
