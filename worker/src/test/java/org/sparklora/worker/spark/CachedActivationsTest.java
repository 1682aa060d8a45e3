package org.sparklora.worker.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.sparklora.worker.contract.KeyedRandom;
import org.sparklora.worker.contract.Precision;
import org.sparklora.worker.data.TrunkActivations;
import org.sparklora.worker.encoder.ModelException;
import org.sparklora.worker.safetensors.HalfFloats;

class CachedActivationsTest {

    private static final int HIDDEN = 6;
    private static final int[] VECTORS = {3, 1, 0, 7, 2};

    /** Two vectors and a half in float32: rows cross from one chunk to the next. */
    private static final int CHUNK = 60;

    @TempDir
    private Path folder;

    private static ActivationLayout layout(Precision precision, CacheStorage storage) {
        return ActivationLayout.of("d1ge5t", precision, storage, HIDDEN, VECTORS, CHUNK);
    }

    private static float[] values(int position) {
        float[] values = new float[VECTORS[position] * HIDDEN];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) KeyedRandom.gaussian(position, i);
        }
        return values;
    }

    /** Rows come in another order than they lie, each in the middle of a batch. */
    private static CachedActivations kept(ActivationLayout layout) {
        try (CachedActivations.Builder builder = new CachedActivations.Builder(layout)) {
            for (int position : new int[] {4, 2, 0, 3, 1}) {
                float[] mine = values(position);
                float[] batch = new float[mine.length + 10];
                System.arraycopy(mine, 0, batch, 5, mine.length);
                builder.put(position, batch, 5, mine.length);
            }
            return builder.build();
        }
    }

    private static float[] read(TrunkActivations states, int row, int count) {
        FloatBuffer target = FloatBuffer.allocate(count);
        states.copy(row, target);
        assertThat(target.hasRemaining()).isFalse();
        return target.array();
    }

    private static void requireValues(CachedActivations kept, Precision precision) {
        TrunkActivations backwards = kept.at(new int[] {4, 3, 2, 1, 0});
        assertThat(backwards.digest()).isEqualTo("d1ge5t");
        for (int row = 0; row < 5; row++) {
            float[] wanted = values(4 - row);
            if (precision == Precision.FLOAT16) {
                for (int i = 0; i < wanted.length; i++) {
                    wanted[i] = HalfFloats.fromF16(HalfFloats.toF16(wanted[i]));
                }
            }
            assertThat(read(backwards, row, wanted.length)).isEqualTo(wanted);
        }
    }

    @ParameterizedTest
    @EnumSource
    void whatIsKeptComesBack(CacheStorage storage) {
        for (Precision precision : Precision.values()) {
            ActivationLayout layout = layout(precision, storage);
            requireValues(kept(layout), precision);
            assertThat(layout.bytes()).isEqualTo(13L * HIDDEN * precision.bytes());
        }
        assertThat(layout(Precision.FLOAT32, storage).chunks()).isEqualTo(7);
    }

    @ParameterizedTest
    @EnumSource
    void itSurvivesSerialisation(CacheStorage storage) throws IOException, ClassNotFoundException {
        for (Precision precision : Precision.values()) {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
                out.writeObject(kept(layout(precision, storage)));
            }
            try (ObjectInputStream in = new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
                requireValues((CachedActivations) in.readObject(), precision);
            }
        }
    }

    @Test
    void aShardWithoutRowsKeepsNothing() {
        for (CacheStorage storage : CacheStorage.values()) {
            ActivationLayout layout = ActivationLayout.of("d", Precision.FLOAT32, storage, HIDDEN, new int[0], CHUNK);
            try (CachedActivations.Builder builder = new CachedActivations.Builder(layout)) {
                assertThat(builder.build().at(new int[0]).digest()).isEqualTo("d");
            }
        }
    }

    @Test
    void theFileOnDiskHasNoNameToLeaveBehind() throws IOException {
        ActivationLayout layout = layout(Precision.FLOAT32, CacheStorage.DISK);
        List<ByteBuffer> chunks;
        try (ActivationBuffers room = new ActivationBuffers.MappedFile(layout, folder.resolve("block"))) {
            room.write(0, 4, ByteBuffer.wrap(new byte[] {1, 2, 3}));
            room.write(layout.chunks() - 1, 0, ByteBuffer.wrap(new byte[layout.chunkBytes(layout.chunks() - 1)]));
            try (Stream<Path> files = Files.list(folder)) {
                assertThat(files).isEmpty();
            }
            chunks = room.chunks();
        }
        assertThat(chunks).hasSize(layout.chunks());
        assertThat(chunks.get(0).get(6)).isEqualTo((byte) 3);
    }

    @Test
    void aDiskThatTakesNothingIsNamedWithWhatHelps() {
        ActivationLayout layout = layout(Precision.FLOAT32, CacheStorage.DISK);
        assertThatThrownBy(() -> new ActivationBuffers.MappedFile(layout, folder.resolve("missing/block")))
                .isInstanceOf(CacheStorageException.class)
                .hasMessageContainingAll("312 bytes", "spark.local.dir", "activation_cache_type", "[cluster.disk]");
    }

    @Test
    void aNumberThatFloat16CannotHoldIsRefused() {
        ActivationLayout layout =
                ActivationLayout.of("d", Precision.FLOAT16, CacheStorage.MEMORY, HIDDEN, new int[] {1}, CHUNK);
        float[] values = new float[HIDDEN];
        values[3] = -70_000f;
        try (CachedActivations.Builder builder = new CachedActivations.Builder(layout)) {
            assertThatThrownBy(() -> builder.put(0, values, 0, HIDDEN))
                    .isInstanceOf(ModelException.class)
                    .hasMessageContainingAll("-70000.0", "65504", "execution.activation_cache_type");
        }
    }

    @Test
    void aRowOfAnotherLengthIsRefused() {
        try (CachedActivations.Builder builder =
                new CachedActivations.Builder(layout(Precision.FLOAT32, CacheStorage.MEMORY))) {
            assertThatThrownBy(() -> builder.put(1, new float[100], 0, 2 * HIDDEN))
                    .hasMessageContainingAll("position 1", "12 values", "1 vectors of 6");
        }
    }
}
