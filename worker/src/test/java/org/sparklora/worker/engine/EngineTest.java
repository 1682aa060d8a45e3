package org.sparklora.worker.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.Arrays;
import java.util.List;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.sparklora.worker.contract.HostException;
import org.sparklora.worker.contract.KeyedRandom;

class EngineTest {

    private static float[] counting(int n) {
        float[] values = new float[n];
        for (int i = 0; i < n; i++) {
            values[i] = i;
        }
        return values;
    }

    @Test
    void nativesThatDoNotLoadAreAFaultOfTheHost() {
        Throwable unmapped = new UnsatisfiedLinkError("/c/libtorch.so: failed to map segment from shared object");
        assertThatThrownBy(() -> Torch.loaded(() -> {
                    throw new EngineException("Failed to load PyTorch native library", unmapped);
                }))
                .isInstanceOf(HostException.class)
                .hasMessageContainingAll("/c/libtorch.so", "noexec", "[settings.natives]");
        assertThatThrownBy(() -> Torch.loaded(() -> {
                    throw new NoClassDefFoundError("ai/djl/pytorch/jni/LibUtils");
                }))
                .isInstanceOf(HostException.class);
    }

    @Test
    void valuesSurviveTheReuseOfTheStagingBuffer() {
        try (NDManager manager = Torch.newManager()) {
            NDArray first = Tensors.floats(manager, counting(6), 2, 3);
            NDArray second = Tensors.floats(manager, new float[100_000], 100_000);
            NDArray third = Tensors.longs(manager, new long[] {7, 8}, 2);
            assertThat(Tensors.toFloats(first)).containsExactly(0, 1, 2, 3, 4, 5);
            assertThat(Tensors.toFloats(second)).containsOnly(0f);
            assertThat(third.toLongArray()).containsExactly(7, 8);
        }
    }

    @Test
    void anArrayIsFilledInPartsOfAnySize() {
        float[] many = counting((1 << 21) + 3);
        try (NDManager manager = Torch.newManager()) {
            Tensors.Filling filling = new Tensors.Filling(manager, List.of(many.length / 5, 5));
            filling.put(new float[] {0, 1, 9}, 2);
            filling.put(Arrays.copyOfRange(many, 2, many.length), many.length - 2);
            NDArray filled = filling.array();
            assertThat(filled.getShape().getShape()).containsExactly(many.length / 5, 5);
            assertThat(Tensors.toFloats(filled)).isEqualTo(many);
        }
    }

    @Test
    void aTransposedArrayIsReadInItsOwnOrder() {
        try (NDManager manager = Torch.newManager()) {
            NDArray x = Tensors.floats(manager, counting(6), 2, 3);
            assertThat(Tensors.toFloats(x.transpose())).containsExactly(0, 3, 1, 4, 2, 5);
        }
    }

    @Test
    void dropoutKeepsTheMeanAndMeetsItsProbability() {
        try (NDManager manager = Torch.newManager()) {
            float[] ones = new float[40_003];
            java.util.Arrays.fill(ones, 1f);
            KeyedDropout masks = KeyedDropout.training(42, 1, 2, 3, 0);
            float[] dropped = Tensors.toFloats(masks.apply(Tensors.floats(manager, ones, ones.length), "place", 0.25));
            int zeros = 0;
            for (float value : dropped) {
                if (value == 0f) {
                    zeros++;
                } else {
                    assertThat(value).isEqualTo((float) (1 / 0.75));
                }
            }
            assertThat(zeros / (double) ones.length).isCloseTo(0.25, Offset.offset(0.01));
        }
    }

    @Test
    void dropoutHangsOnEveryPartOfItsKey() {
        try (NDManager manager = Torch.newManager()) {
            float[] ones = new float[256];
            java.util.Arrays.fill(ones, 1f);
            NDArray x = Tensors.floats(manager, ones, ones.length);
            float[] base = Tensors.toFloats(KeyedDropout.training(1, 2, 3, 4, 5).apply(x, "a", 0.5));
            assertThat(Tensors.toFloats(KeyedDropout.training(1, 2, 3, 4, 5).apply(x, "a", 0.5)))
                    .isEqualTo(base);
            List<KeyedDropout> others = List.of(
                    KeyedDropout.training(9, 2, 3, 4, 5),
                    KeyedDropout.training(1, 9, 3, 4, 5),
                    KeyedDropout.training(1, 2, 9, 4, 5),
                    KeyedDropout.training(1, 2, 3, 9, 5),
                    KeyedDropout.training(1, 2, 3, 4, 9),
                    KeyedDropout.training(1, 2, 3, 4, 5).apart("twice"));
            for (KeyedDropout other : others) {
                assertThat(Tensors.toFloats(other.apply(x, "a", 0.5))).isNotEqualTo(base);
            }
            assertThat(Tensors.toFloats(KeyedDropout.training(1, 2, 3, 4, 5).apply(x, "b", 0.5)))
                    .isNotEqualTo(base);
            assertThat(KeyedDropout.OFF.apply(x, "a", 0.5)).isSameAs(x);
        }
    }

    /** An element's mask is its 16 bits of the draw for its group of four. */
    @Test
    void masksAreThoseOfTheirDefinition() {
        try (NDManager manager = Torch.newManager()) {
            for (int size : new int[] {1, 4, 7, 1000}) {
                long stream = KeyedRandom.key(11, "dropout/a");
                for (long counter : new long[] {2, 3, 4, 5}) {
                    stream = KeyedRandom.mix(stream, counter);
                }
                float[] wanted = new float[size];
                for (int e = 0; e < size; e++) {
                    long bits = (KeyedRandom.mix(stream, e / 4) >>> (16 * (e % 4))) & 0xFFFF;
                    wanted[e] = bits < Math.round(0.3 * 65536) ? 0f : (float) (1 / 0.7);
                }
                NDArray mask = KeyedDropout.training(11, 2, 3, 4, 5).mask(manager, new long[] {size}, "a", 0.3);
                assertThat(Tensors.toFloats(mask)).isEqualTo(wanted);
            }
        }
    }
}
