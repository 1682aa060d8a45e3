package org.sparklora.driver.watch.tracking;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/** Reads event files like TensorBoard: records with valid checksums, then messages of event.proto and summary.proto. */
public final class EventReader {

    /** The parts of an event that tests need. */
    public record Event(
            double wallTime,
            long step,
            String fileVersion,
            boolean starts,
            Map<String, Float> scalars,
            Map<String, String> texts) {}

    private EventReader() {}

    /** All events of a file. */
    public static List<Event> events(byte[] file) {
        ByteBuffer in = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
        List<Event> events = new ArrayList<>();
        while (in.hasRemaining()) {
            byte[] length = new byte[Long.BYTES];
            in.get(length);
            require(in.getInt() == masked(length), "the checksum of a length is wrong");
            byte[] message = new byte
                    [Math.toIntExact(ByteBuffer.wrap(length)
                            .order(ByteOrder.LITTLE_ENDIAN)
                            .getLong())];
            in.get(message);
            require(in.getInt() == masked(message), "the checksum of an event is wrong");
            events.add(event(new Message(message)));
        }
        return events;
    }

    private static int masked(byte[] bytes) {
        CRC32C crc = new CRC32C();
        crc.update(bytes);
        long value = crc.getValue();
        return (int) (((value >>> 15) | (value << 17)) + 0xa282ead8L);
    }

    private static void require(boolean holds, String rule) {
        if (!holds) {
            throw new AssertionError(rule);
        }
    }

    private static Event event(Message event) {
        Map<String, Float> scalars = new TreeMap<>();
        Map<String, String> texts = new TreeMap<>();
        @Nullable Message summary = event.message(5);
        for (Object value : summary == null ? List.of() : summary.all(1)) {
            Message entry = new Message((byte[]) value);
            String tag = entry.text(1);
            if (!entry.all(2).isEmpty()) {
                scalars.put(tag, Float.intBitsToFloat(((Integer) entry.all(2).get(0))));
            }
            Message tensor = entry.message(8);
            if (tensor != null) {
                require(tensor.all(1).equals(List.of(7L)), "the tensor's type is no string");
                Message metadata = java.util.Objects.requireNonNull(entry.message(9));
                require(
                        java.util.Objects.requireNonNull(metadata.message(1))
                                .text(1)
                                .equals("text"),
                        "the plugin is not that of texts");
                texts.put(tag, tensor.text(8));
            }
        }
        @Nullable Message session = event.message(7);
        return new Event(
                Double.longBitsToDouble((Long) event.all(1).get(0)),
                event.all(2).isEmpty() ? 0 : (Long) event.all(2).get(0),
                event.all(3).isEmpty() ? "" : event.text(3),
                session != null && session.all(1).equals(List.of(1L)),
                scalars,
                texts);
    }

    /** The fields of a message by number; varints and 64 bits as Long, 32 bits as Integer, the rest as bytes. */
    private static final class Message {

        private final Map<Integer, List<Object>> fields = new TreeMap<>();

        private Message(byte[] bytes) {
            ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
            while (in.hasRemaining()) {
                long key = varint(in);
                Object value = switch ((int) (key & 7)) {
                    case 0 -> varint(in);
                    case 1 -> in.getLong();
                    case 5 -> in.getInt();
                    case 2 -> {
                        byte[] part = new byte[Math.toIntExact(varint(in))];
                        in.get(part);
                        yield part;
                    }
                    default -> throw new AssertionError("no wire type: " + (key & 7));
                };
                fields.computeIfAbsent((int) (key >>> 3), field -> new ArrayList<>())
                        .add(value);
            }
        }

        private static long varint(ByteBuffer in) {
            long value = 0;
            for (int shift = 0; ; shift += 7) {
                byte next = in.get();
                value |= (next & 0x7fL) << shift;
                if (next >= 0) {
                    return value;
                }
            }
        }

        List<Object> all(int field) {
            return fields.getOrDefault(field, List.of());
        }

        @Nullable
        Message message(int field) {
            return all(field).isEmpty() ? null : new Message((byte[]) all(field).get(0));
        }

        String text(int field) {
            return new String((byte[]) all(field).get(0), StandardCharsets.UTF_8);
        }
    }
}
