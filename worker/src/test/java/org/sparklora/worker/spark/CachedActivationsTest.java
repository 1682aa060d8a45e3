package org.sparklora.worker.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.nio.FloatBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.sparklora.worker.contract.CachePlan;
import org.sparklora.worker.contract.KeyedRandom;
import org.sparklora.worker.contract.StoredType;
import org.sparklora.worker.data.TrunkActivations;
import org.sparklora.worker.encoder.ModelException;
import org.sparklora.worker.safetensors.HalfFloats;

class CachedActivationsTest {

    private static final int HIDDEN = 6;
    private static final int[] VECTORS = {3, 1, 0, 7, 2};

    private static CachedActivations.Builder builder(StoredType type, CacheStorage storage, int... vectors) {
        return new CachedActivations.Builder(new CachePlan(1, type, "d1ge5t", ""), storage, HIDDEN, vectors);
    }

    private static float[] values(int position) {
        float[] values = new float[VECTORS[position] * HIDDEN];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) KeyedRandom.gaussian(position, i);
        }
        return values;
    }

    /** Rows come in another order than they lie, each in the middle of a batch. */
    private static CachedActivations kept(StoredType type, CacheStorage storage) {
        CachedActivations.Builder builder = builder(type, storage, VECTORS);
        for (int position : new int[] {4, 2, 0, 3, 1}) {
            float[] mine = values(position);
            float[] batch = new float[mine.length + 10];
            System.arraycopy(mine, 0, batch, 5, mine.length);
            builder.put(position, batch, 5, mine.length);
        }
        return builder.build();
    }

    private static float[] read(TrunkActivations states, int row, int count) {
        FloatBuffer target = FloatBuffer.allocate(count);
        states.copy(row, target);
        assertThat(target.hasRemaining()).isFalse();
        return target.array();
    }

    private static void requireValues(CachedActivations kept, StoredType type) {
        TrunkActivations backwards = kept.at(new int[] {4, 3, 2, 1, 0});
        assertThat(backwards.digest()).isEqualTo("d1ge5t");
        for (int row = 0; row < 5; row++) {
            float[] wanted = values(4 - row);
            for (int i = 0; i < wanted.length; i++) {
                wanted[i] = switch (type) {
                    case FLOAT32 -> wanted[i];
                    case FLOAT16 -> HalfFloats.fromF16(HalfFloats.toF16(wanted[i]));
                    case BFLOAT16 -> HalfFloats.fromBf16(HalfFloats.toBf16(wanted[i]));
                };
            }
            assertThat(read(backwards, row, wanted.length)).isEqualTo(wanted);
        }
    }

    @ParameterizedTest
    @EnumSource
    void whatIsKeptComesBack(CacheStorage storage) {
        for (StoredType type : StoredType.values()) {
            requireValues(kept(type, storage), type);
        }
    }

    @ParameterizedTest
    @EnumSource
    void itSurvivesSerialisation(CacheStorage storage) throws IOException, ClassNotFoundException {
        for (StoredType type : StoredType.values()) {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
                out.writeObject(kept(type, storage));
            }
            try (ObjectInputStream in = new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
                requireValues((CachedActivations) in.readObject(), type);
            }
        }
    }

    @Test
    void aShardWithoutRowsKeepsNothing() {
        for (CacheStorage storage : CacheStorage.values()) {
            assertThat(builder(StoredType.FLOAT32, storage)
                            .build()
                            .at(new int[0])
                            .digest())
                    .isEqualTo("d1ge5t");
        }
    }

    @Test
    void aShardMayHoldMoreThanAnArray() {
        // The file is sparse. Two rows of 1.92 GB lie before the third.
        CachedActivations.Builder builder = builder(StoredType.FLOAT32, CacheStorage.DISK, 80_000_000, 80_000_000, 3);
        builder.put(2, values(0), 0, 3 * HIDDEN);
        assertThat(read(builder.build().at(new int[] {2}), 0, 3 * HIDDEN)).isEqualTo(values(0));
    }

    @Test
    void aNumberThatFloat16CannotHoldIsRefused() {
        float[] values = new float[HIDDEN];
        values[3] = -70_000f;
        CachedActivations.Builder builder = builder(StoredType.FLOAT16, CacheStorage.MEMORY, 1);
        assertThatThrownBy(() -> builder.put(0, values, 0, HIDDEN))
                .isInstanceOf(ModelException.class)
                .hasMessageContainingAll("-70000.0", "65504", "execution.activation_cache_type");
    }

    @Test
    void aRowOfAnotherLengthIsRefused() {
        CachedActivations.Builder builder = builder(StoredType.FLOAT32, CacheStorage.MEMORY, VECTORS);
        assertThatThrownBy(() -> builder.put(1, new float[100], 0, 2 * HIDDEN))
                .hasMessageContainingAll("position 1", "12 values", "1 vectors of 6");
    }
}
