package org.sparklora.driver.watch.tracking;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HexFormat;
import java.util.List;
import java.util.TreeMap;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;
import org.sparklora.driver.watch.tracking.LoggedScalars.Scalars;

class EventFileTest {

    private static int unmasked(int masked) {
        return Integer.rotateLeft(masked - 0xa282ead8, 15);
    }

    /** RFC 3720, B.4; and the check value of CRC catalogues. */
    @Test
    void checksumsMatchThePublishedVectors() {
        byte[] ones = new byte[32];
        java.util.Arrays.fill(ones, (byte) 0xff);
        assertThat(unmasked(EventFile.maskedCrc(new byte[32]))).isEqualTo(0x8a9136aa);
        assertThat(unmasked(EventFile.maskedCrc(ones))).isEqualTo(0x62a8ab43);
        assertThat(unmasked(EventFile.maskedCrc("123456789".getBytes(java.nio.charset.StandardCharsets.US_ASCII))))
                .isEqualTo(0xe3069283);
    }

    @Test
    void theMaskRotatesAndAdds() {
        CRC32C crc = new CRC32C();
        crc.update(new byte[] {1, 2, 3});
        long plain = crc.getValue();
        long masked = (((plain >>> 15) | (plain << 17)) + 0xa282ead8L) & 0xffffffffL;
        assertThat(Integer.toUnsignedLong(EventFile.maskedCrc(new byte[] {1, 2, 3})))
                .isEqualTo(masked);
    }

    /** The version record, byte by byte: wall_time 1767225600, step 0, file_version. */
    @Test
    void aFileStartsWithItsVersion() {
        byte[] file = new EventFile(RecordedRunLines.TIME).toBytes();
        String event = "09" + hexOfWallTime() + "1000" + "1a0d"
                + HexFormat.of().formatHex("brain.Event:2".getBytes(java.nio.charset.StandardCharsets.UTF_8));
        assertThat(HexFormat.of().formatHex(file, 12, file.length - 4)).isEqualTo(event);
        assertThat(HexFormat.of().formatHex(file, 0, 8)).isEqualTo("1a00000000000000");
    }

    private static String hexOfWallTime() {
        byte[] bytes = new byte[8];
        java.nio.ByteBuffer.wrap(bytes).order(java.nio.ByteOrder.LITTLE_ENDIAN).putDouble(1_767_225_600.0);
        return HexFormat.of().formatHex(bytes);
    }

    @Test
    void writtenEventsReadBack() {
        EventFile file = new EventFile(RecordedRunLines.TIME);
        file.starts(RecordedRunLines.TIME, 3);
        file.scalars(new Scalars(300, RecordedRunLines.TIME, new TreeMap<>(java.util.Map.of("train/loss", 0.5, "eval/f1", -1.0))));
        file.text(RecordedRunLines.TIME, 7, "why", "wörds");
        List<EventReader.Event> events = EventReader.events(file.toBytes());
        assertThat(events).hasSize(4);
        assertThat(events.get(0).fileVersion()).isEqualTo("brain.Event:2");
        assertThat(events.get(1).starts()).isTrue();
        assertThat(events.get(1).step()).isEqualTo(3);
        assertThat(events.get(2).scalars()).isEqualTo(java.util.Map.of("train/loss", 0.5f, "eval/f1", -1f));
        assertThat(events.get(2).step()).isEqualTo(300);
        assertThat(events.get(2).wallTime()).isEqualTo(1_767_225_600.0);
        assertThat(events.get(3).texts()).isEqualTo(java.util.Map.of("why", "wörds"));
    }
}
