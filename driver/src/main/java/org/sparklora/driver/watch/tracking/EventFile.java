package org.sparklora.driver.watch.tracking;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Instant;
import java.util.zip.CRC32C;
import org.sparklora.driver.job.text.ProtocolBuffer;
import org.sparklora.driver.watch.tracking.LoggedScalars.Scalars;

/**
 * The bytes of a TensorBoard event file: {@code tensorflow.Event} messages (event.proto, summary.proto). Each is a TFRecord:
 * length, checksum of the length, message, checksum of the message, all little-endian. A checksum is a CRC-32C, rotated and
 * increased by a constant as TFRecord defines it.
 */
final class EventFile {

    private static final int MASK = 0xa282ead8;

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    /** Starts a file with its version, which makes TensorBoard honour {@link #starts}. */
    EventFile(Instant time) {
        record(event(time, 0).text(3, "brain.Event:2"));
    }

    /** A process starts to write at a step. TensorBoard discards what earlier processes wrote from that step on. */
    void starts(Instant time, long step) {
        int sessionStart = 1;
        record(event(time, step).message(7, new ProtocolBuffer().whole(1, sessionStart)));
    }

    /** The numbers of one step; TensorBoard stores float32. */
    void scalars(Scalars scalars) {
        ProtocolBuffer summary = new ProtocolBuffer();
        scalars.values().forEach((tag, value) -> {
            ProtocolBuffer number = new ProtocolBuffer().text(1, tag).number(2, value.floatValue());
            summary.message(1, number);
        });
        record(event(scalars.time(), scalars.step()).message(5, summary));
    }

    /** A text for TensorBoard's Text tab. */
    void text(Instant time, long step, String tag, String text) {
        int stringType = 7;
        ProtocolBuffer tensor = new ProtocolBuffer()
                .whole(1, stringType)
                .message(2, new ProtocolBuffer().message(2, new ProtocolBuffer().whole(1, 1)))
                .text(8, text);
        ProtocolBuffer metadata = new ProtocolBuffer().message(1, new ProtocolBuffer().text(1, "text"));
        ProtocolBuffer value =
                new ProtocolBuffer().text(1, tag).message(8, tensor).message(9, metadata);
        record(event(time, step).message(5, new ProtocolBuffer().message(1, value)));
    }

    byte[] toBytes() {
        return out.toByteArray();
    }

    private static ProtocolBuffer event(Instant time, long step) {
        return new ProtocolBuffer().number(1, time.toEpochMilli() / 1000.0).whole(2, step);
    }

    private void record(ProtocolBuffer event) {
        byte[] bytes = event.toBytes();
        byte[] length = littleEndian(Long.BYTES).putLong(bytes.length).array();
        out.writeBytes(length);
        out.writeBytes(littleEndian(Integer.BYTES).putInt(maskedCrc(length)).array());
        out.writeBytes(bytes);
        out.writeBytes(littleEndian(Integer.BYTES).putInt(maskedCrc(bytes)).array());
    }

    private static ByteBuffer littleEndian(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** The CRC-32C in TFRecord's masked form. */
    static int maskedCrc(byte[] bytes) {
        CRC32C crc = new CRC32C();
        crc.update(bytes);
        return Integer.rotateRight((int) crc.getValue(), 15) + MASK;
    }
}
