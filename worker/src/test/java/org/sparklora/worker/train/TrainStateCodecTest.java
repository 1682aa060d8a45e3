package org.sparklora.worker.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.train.AdamW.Moments;

class TrainStateCodecTest {

    private static TrainStateSnapshot state() {
        float[] odd = {-0f, Float.MIN_VALUE, Float.intBitsToFloat(0x7FC0_1234), 1f / 3};
        float[] first = {0f, 1f, 2f, Float.POSITIVE_INFINITY};
        float[] second = {3f, 4f, 5f, 6f};
        return new TrainStateSnapshot(
                FreezeState.of(Map.of("top", GroupState.LIVE, "mid", GroupState.FROZEN, "böttom", GroupState.DORMANT)),
                new AdapterSnapshot(Map.of("a", odd, "b", new float[] {7f})),
                Map.of("a", new Moments(first, second, 12), "b", new Moments(1)),
                Map.of("top", 1L << 40, "mid", 0L, "head", 5L));
    }

    @Test
    void everyBitComesBack() {
        TrainStateSnapshot before = state();
        TrainStateSnapshot after = TrainStateCodec.decodeState(TrainStateCodec.encode(before));
        assertThat(after).isEqualTo(before);
        assertThat(Float.floatToRawIntBits(after.values().view("a")[0])).isEqualTo(0x8000_0000);
        assertThat(Float.floatToRawIntBits(after.values().view("a")[2])).isEqualTo(0x7FC0_1234);
        assertThat(TrainStateCodec.encode(after)).isEqualTo(TrainStateCodec.encode(before));
        AdapterSnapshot adapter = before.values();
        assertThat(TrainStateCodec.decodeAdapter(TrainStateCodec.encode(adapter)))
                .isEqualTo(adapter);
    }

    @Test
    void everyTruncationIsRefused() {
        byte[] state = TrainStateCodec.encode(state());
        byte[] adapter = TrainStateCodec.encode(state().values());
        for (int length = 0; length < state.length; length++) {
            byte[] cut = Arrays.copyOf(state, length);
            assertThatThrownBy(() -> TrainStateCodec.decodeState(cut))
                    .as("cut to " + length)
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("ends at byte " + length);
        }
        for (int length = 0; length < adapter.length; length++) {
            byte[] cut = Arrays.copyOf(adapter, length);
            assertThatThrownBy(() -> TrainStateCodec.decodeAdapter(cut)).isInstanceOf(IllegalArgumentException.class);
        }
        assertThatThrownBy(() -> TrainStateCodec.decodeState(Arrays.copyOf(state, state.length + 1)))
                .hasMessageContaining("1 bytes");
    }

    @Test
    void damagedLengthsNeverFillTheHeap() {
        byte[] whole = TrainStateCodec.encode(state());
        for (int at = 0; at < whole.length - 3; at++) {
            byte[] damaged = whole.clone();
            damaged[at + 3] = 0x7F;
            damaged[at + 2] = (byte) 0xFF;
            try {
                TrainStateCodec.decodeState(damaged);
            } catch (IllegalArgumentException e) {
                assertThat(e).as("damaged at " + at).hasMessageMatching("(?s).+");
            }
        }
    }

    @Test
    void otherFilesAndVersionsAreRefused() {
        byte[] adapter = TrainStateCodec.encode(state().values());
        assertThatThrownBy(() -> TrainStateCodec.decodeState(adapter))
                .hasMessageContaining("0x44414c53")
                .hasMessageContaining("0x54534c53");
        byte[] newer = TrainStateCodec.encode(state());
        newer[4] = 2;
        assertThatThrownBy(() -> TrainStateCodec.decodeState(newer))
                .hasMessageContaining("format version 2");
    }
}
