package org.sparklora.driver.training;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.KeyedRandom;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.lora.BaseWeight;
import org.sparklora.worker.lora.Pissa;
import org.sparklora.worker.lora.Svd.Part;
import org.sparklora.worker.safetensors.SafetensorsFile;

/** Against a matrix whose decomposition is known, and against PEFT's stored one. */
class LapackSvdTest {

    private static final LapackSvd SVD = new LapackSvd();

    /** A native BLAS or LAPACK in this process would take over products of PyTorch, which then round differently. */
    @Test
    void loadsNoNativeLibrary() throws IOException {
        SVD.leading(matrix(4, 3, 2), 4, 3, 2, OptionalInt.empty(), 1);
        assertThat(Files.readAllLines(Path.of("/proc/self/maps")))
                .noneMatch(line -> line.matches(".*/lib(netlib|lapack|blas|openblas|mkl)[^/]*"));
    }

    /** Matrix [rows, columns] of the singular values 1, 1/2, 1/4, … as many as {@code count}, with random vectors. */
    private static float[] matrix(int rows, int columns, int count) {
        double[][] u = orthonormal(1, count, rows);
        double[][] v = orthonormal(2, count, columns);
        float[] matrix = new float[rows * columns];
        for (int i = 0; i < matrix.length; i++) {
            double sum = 0;
            for (int k = 0; k < count; k++) {
                sum += u[k][i / columns] * v[k][i % columns] / (1 << k);
            }
            matrix[i] = (float) sum;
        }
        return matrix;
    }

    /** Gram and Schmidt, twice. */
    private static double[][] orthonormal(long key, int count, int length) {
        double[][] vectors = new double[count][length];
        for (int k = 0; k < count; k++) {
            for (int i = 0; i < length; i++) {
                vectors[k][i] = KeyedRandom.gaussian(key, (long) k * length + i);
            }
            for (int other = 0; other < 2 * k; other++) {
                double[] against = vectors[other % k];
                double along = dot(vectors[k], against);
                for (int i = 0; i < length; i++) {
                    vectors[k][i] -= along * against[i];
                }
            }
            double norm = Math.sqrt(dot(vectors[k], vectors[k]));
            vectors[k] = Arrays.stream(vectors[k]).map(x -> x / norm).toArray();
        }
        return vectors;
    }

    private static double dot(double[] a, double[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += a[i] * b[i];
        }
        return sum;
    }

    @ParameterizedTest
    @CsvSource({"40, 25, -1", "25, 40, -1", "12, 12, -1", "40, 25, 20", "25, 40, 20"})
    void findsTheLeadingPartOfAnyShape(int rows, int columns, int iterations) {
        OptionalInt randomized = iterations < 0 ? OptionalInt.empty() : OptionalInt.of(iterations);
        Part part = SVD.leading(matrix(rows, columns, 10), rows, columns, 4, randomized, 5);
        double[][] u = orthonormal(1, 10, rows);
        double[][] v = orthonormal(2, 10, columns);
        for (int k = 0; k < 4; k++) {
            assertThat(part.values()[k]).isCloseTo(1.0 / (1 << k), Offset.offset(1e-6));
            double sign = Math.signum(dot(part.left()[k], u[k]));
            assertThat(dot(part.left()[k], u[k]) * sign).isCloseTo(1, Offset.offset(1e-6));
            assertThat(dot(part.right()[k], v[k]) * sign).isCloseTo(1, Offset.offset(1e-6));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, 2})
    void aMatrixOfLowerRankHasZerosAndNoNan(int iterations) {
        OptionalInt randomized = iterations < 0 ? OptionalInt.empty() : OptionalInt.of(iterations);
        Part part = SVD.leading(matrix(9, 14, 2), 9, 14, 4, randomized, 5);
        assertThat(part.values()[1]).isCloseTo(0.5, Offset.offset(1e-6));
        assertThat(part.values()[2]).isCloseTo(0, Offset.offset(1e-6));
        for (Part of : List.of(part, SVD.leading(new float[9 * 14], 9, 14, 4, randomized, 5))) {
            assertThat(Arrays.stream(of.values())).allMatch(value -> value >= 0 && value < 2);
            for (double[][] vectors : List.of(of.left(), of.right())) {
                assertThat(Arrays.stream(vectors).flatMapToDouble(Arrays::stream))
                        .allMatch(Double::isFinite);
            }
        }
    }

    @Test
    void theKeyAloneDecidesWhatARandomizedOneFinds() {
        float[] matrix = matrix(30, 20, 10);
        double[] one = SVD.leading(matrix, 30, 20, 4, OptionalInt.of(1), 5).left()[3];
        assertThat(SVD.leading(matrix, 30, 20, 4, OptionalInt.of(1), 5).left()[3])
                .isEqualTo(one);
        assertThat(SVD.leading(matrix, 30, 20, 4, OptionalInt.of(1), 6).left()[3])
                .isNotEqualTo(one);
    }

    @Test
    void decompositionsAtTheSameTimeHaveTheBitsOfOneAlone() {
        float[] matrix = matrix(60, 40, 10);
        double[][] alone =
                SVD.leading(matrix, 60, 40, 4, OptionalInt.empty(), 5).left();
        assertThat(IntStream.range(0, 32)
                        .parallel()
                        .mapToObj(i -> SVD.leading(matrix, 60, 40, 4, OptionalInt.empty(), 5)
                                .left())
                        .toList())
                .allSatisfy(left -> assertThat(left).isDeepEqualTo(alone));
    }

    @ParameterizedTest
    @ValueSource(strings = {"pissa", "pissa_niter_5000"})
    void pissaStartsWhereThatOfPeftDoes(String init) throws IOException {
        Path stored = Path.of(
                System.getProperty("project.root", ".."),
                "worker/src/test/resources/golden/cases/pissa/pissa.safetensors");
        try (SafetensorsFile golden = SafetensorsFile.open(stored)) {
            for (String name : golden.names()) {
                if (name.endsWith(".original_weight")) {
                    comparePart(
                            golden, name.substring(0, name.length() - ".original_weight".length()), new Pissa(init));
                }
            }
        }
    }

    private static void comparePart(SafetensorsFile golden, String path, Pissa variant) {
        LoraModule module = new LoraModule(path, 4, 8, 32, 32);
        float[] weight = golden.floats(path + ".original_weight");
        AdapterSnapshot values = new AdapterSnapshot(
                variant.initialValues(module, GroupSettings.PLAIN, 7, new BaseWeight(() -> weight, SVD)));
        float[] a = values.view(module.loraA());
        float[] b = values.view(module.loraB());
        float[] expected = golden.floats(path + ".init_BA");
        float[] residual = variant.residual(module, GroupSettings.PLAIN, values)
                .orElseThrow()
                .of(weight);
        float[] wanted = golden.floats(path + ".residual_weight");
        double difference = 0;
        double norm = 0;
        for (int i = 0; i < expected.length; i++) {
            double product = 0;
            for (int k = 0; k < 4; k++) {
                product += (double) b[i / 32 * 4 + k] * a[k * 32 + i % 32];
            }
            difference += (product - expected[i]) * (product - expected[i]);
            norm += (double) expected[i] * expected[i];
            // The limits of the case: init_BA_rel_l2 and residual_weight_abs.
            assertThat(residual[i]).isCloseTo(wanted[i], Offset.offset(5.4e-5f));
        }
        assertThat(Math.sqrt(difference / norm)).isLessThan(4.9e-5);
        for (int k = 0; k < 4; k++) {
            float largest = 0;
            for (int i = k; i < b.length; i += 4) {
                largest = Math.abs(b[i]) > Math.abs(largest) ? b[i] : largest;
            }
            assertThat(largest).isPositive();
        }
        float[] u = golden.floats(path + ".U");
        float[] s = golden.floats(path + ".S");
        for (int i = 0; i < b.length; i++) {
            double entry = Math.abs(u[i]) * Math.sqrt(s[i % 4] / 2);
            assertThat((double) Math.abs(b[i])).isCloseTo(entry, Offset.offset(1e-4));
        }
    }
}
