package org.sparklora.driver.watch.tracking;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Instant;
import java.util.zip.CRC32C;

/**
 * The bytes of a TensorBoard event file: {@code tensorflow.Event} messages (event.proto, summary.proto), each framed as a
 * TFRecord: length, checksum of the length, message, checksum of the message, little-endian; a checksum is a CRC-32C, rotated
 * and moved by a constant, as TFRecord masks it.
 */
final class EventFile {

    private static final int MASK = 0xa282ead8;

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    /** A file begins with its version, which is what makes TensorBoard heed {@link #starts}. */
    EventFile(Instant time) {
        record(event(time, 0).text(3, "brain.Event:2"));
    }

    /** A process begins to write at a step: what an earlier one wrote from there on counts no longer. */
    void starts(Instant time, long step) {
        int start = 1;
        record(event(time, step).message(7, new ProtoWriter().whole(1, start)));
    }

    /** Numbers of one step; float32, as TensorBoard has them. */
    void scalars(Scalars scalars) {
        ProtoWriter summary = new ProtoWriter();
        scalars.values()
                .forEach((tag, value) ->
                        summary.message(1, new ProtoWriter().text(1, tag).number(2, value.floatValue())));
        record(event(scalars.time(), scalars.step()).message(5, summary));
    }

    /** A text, for TensorBoard's tab of texts. */
    void text(Instant time, long step, String tag, String text) {
        int string = 7;
        ProtoWriter tensor = new ProtoWriter()
                .whole(1, string)
                .message(2, new ProtoWriter().message(2, new ProtoWriter().whole(1, 1)))
                .text(8, text);
        ProtoWriter metadata = new ProtoWriter().message(1, new ProtoWriter().text(1, "text"));
        ProtoWriter value = new ProtoWriter().text(1, tag).message(8, tensor).message(9, metadata);
        record(event(time, step).message(5, new ProtoWriter().message(1, value)));
    }

    byte[] toBytes() {
        return out.toByteArray();
    }

    private static ProtoWriter event(Instant time, long step) {
        return new ProtoWriter().number(1, time.toEpochMilli() / 1000.0).whole(2, step);
    }

    private void record(ProtoWriter event) {
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

    /** CRC-32C as TFRecord writes it. */
    static int maskedCrc(byte[] bytes) {
        CRC32C crc = new CRC32C();
        crc.update(bytes);
        return Integer.rotateRight((int) crc.getValue(), 15) + MASK;
    }
}
