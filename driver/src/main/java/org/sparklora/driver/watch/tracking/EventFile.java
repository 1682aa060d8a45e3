package org.sparklora.driver.watch.tracking;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.zip.CRC32C;
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
        record(event(time, step).message(7, new Message().whole(1, sessionStart)));
    }

    /** The numbers of one step; TensorBoard stores float32. */
    void scalars(Scalars scalars) {
        Message summary = new Message();
        scalars.values().forEach((tag, value) -> {
            Message number = new Message().text(1, tag).number(2, value.floatValue());
            summary.message(1, number);
        });
        record(event(scalars.time(), scalars.step()).message(5, summary));
    }

    /** A text for TensorBoard's Text tab. */
    void text(Instant time, long step, String tag, String text) {
        int stringType = 7;
        Message tensor = new Message()
                .whole(1, stringType)
                .message(2, new Message().message(2, new Message().whole(1, 1)))
                .text(8, text);
        Message metadata = new Message().message(1, new Message().text(1, "text"));
        Message value = new Message().text(1, tag).message(8, tensor).message(9, metadata);
        record(event(time, step).message(5, new Message().message(1, value)));
    }

    byte[] toBytes() {
        return out.toByteArray();
    }

    private static Message event(Instant time, long step) {
        return new Message().number(1, time.toEpochMilli() / 1000.0).whole(2, step);
    }

    private void record(Message event) {
        byte[] bytes = event.out.toByteArray();
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

    /**
     * A protocol buffer that is written field by field (protobuf.dev, "Encoding"). It covers what TensorBoard's events need. The
     * protobuf library is not used because its version on the class path differs between Spark and Hadoop distributions.
     */
    private static final class Message {

        private static final int VARINT = 0;
        private static final int FIXED64 = 1;
        private static final int LENGTH = 2;
        private static final int FIXED32 = 5;

        private final ByteArrayOutputStream out = new ByteArrayOutputStream();

        /** An integer or an enum constant. */
        Message whole(int field, long value) {
            return varint((long) field << 3 | VARINT).varint(value);
        }

        Message number(int field, double value) {
            return varint((long) field << 3 | FIXED64)
                    .bytes(littleEndian(Double.BYTES).putDouble(value).array());
        }

        Message number(int field, float value) {
            return varint((long) field << 3 | FIXED32)
                    .bytes(littleEndian(Float.BYTES).putFloat(value).array());
        }

        Message text(int field, String value) {
            byte[] utf8 = value.getBytes(StandardCharsets.UTF_8);
            return varint((long) field << 3 | LENGTH).varint(utf8.length).bytes(utf8);
        }

        Message message(int field, Message value) {
            return varint((long) field << 3 | LENGTH).varint(value.out.size()).bytes(value.out.toByteArray());
        }

        private Message bytes(byte[] bytes) {
            out.writeBytes(bytes);
            return this;
        }

        private Message varint(long value) {
            long left = value;
            while ((left & ~0x7fL) != 0) {
                out.write((int) ((left & 0x7f) | 0x80));
                left >>>= 7;
            }
            out.write((int) left);
            return this;
        }
    }
}
