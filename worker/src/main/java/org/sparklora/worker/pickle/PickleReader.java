package org.sparklora.worker.pickle;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.sparklora.worker.safetensors.WeightsException;

/**
 * Reads the pickle inside a torch archive as data. A pickle is a program for a stack machine that may call any function by
 * name. This machine calls no functions: it only understands what {@code torch.save} of a dictionary of tensors writes.
 *
 * <p>It reads the opcodes of Python's {@code pickletools}, protocols 2 to 5, that a state dict needs. Every other opcode,
 * and every global outside the list, is refused. Values become {@link Long}, {@link Double}, {@link
 * String}, {@link Boolean}, {@link Marker#NONE}, {@link List} (tuples and lists), {@link Map} (dictionaries), {@link
 * Global}, {@link Storage} and {@link StridedTensor}.
 */
final class PickleReader {

    /** A function or class that the pickle names, e.g. {@code torch.FloatStorage}. */
    record Global(String module, String name) {

        @Override
        public String toString() {
            return module + "." + name;
        }
    }

    /**
     * A block of values, stored in the archive outside the pickle.
     *
     * @param type e.g. FloatStorage
     * @param key name of the block inside the archive
     * @param size number of elements
     */
    record Storage(String type, String key, long size) {}

    /** A view of a storage; offset and strides count elements. */
    record StridedTensor(Storage storage, long offset, List<Long> shape, List<Long> strides) {}

    private enum Marker {
        NONE,
        MARK
    }

    private static final Global ORDERED_DICT = new Global("collections", "OrderedDict");
    private static final Global REBUILD_TENSOR = new Global("torch._utils", "_rebuild_tensor_v2");
    private static final Global REBUILD_PARAMETER = new Global("torch._utils", "_rebuild_parameter");
    private static final Set<String> STORAGES = Set.of(
            "FloatStorage",
            "HalfStorage",
            "BFloat16Storage",
            "DoubleStorage",
            "LongStorage",
            "IntStorage",
            "ShortStorage",
            "CharStorage",
            "ByteStorage",
            "BoolStorage");

    /** A tensor takes about thirty opcodes, so this allows 60,000 tensors. Without a limit, a small file could fill the heap. */
    private static final int MAX_OPCODES = 2_000_000;

    private final String file;
    private final TorchFile.Content content;
    private final ByteBuffer in;
    private final Deque<Object> stack = new ArrayDeque<>();
    private final Map<Integer, Object> memo = new HashMap<>();

    private PickleReader(String file, TorchFile.Content content, byte[] pickle) {
        this.file = file;
        this.content = content;
        this.in = ByteBuffer.wrap(pickle).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** The tensors of a pickled dictionary, by name, in the file's order. */
    static Map<String, StridedTensor> readStateDict(String file, TorchFile.Content content, byte[] pickle) {
        PickleReader reader = new PickleReader(file, content, pickle);
        try {
            return reader.stateDict(reader.run());
        } catch (BufferUnderflowException e) {
            throw new WeightsException(
                    "weights.damaged", file + ": the pickle ends in the middle; copy the file again", e);
        }
    }

    private Map<String, StridedTensor> stateDict(Object value) {
        if (!(value instanceof Map<?, ?> dict)) {
            throw refuse("it holds no dictionary of tensors");
        }
        Map<String, StridedTensor> tensors = new LinkedHashMap<>();
        dict.forEach((key, tensor) -> {
            if (!(key instanceof String name) || !(tensor instanceof StridedTensor strided)) {
                throw refuse("its entry '" + key + "' is not a tensor");
            }
            tensors.put(name, strided);
        });
        return tensors;
    }

    private Object run() {
        for (int done = 0; done < MAX_OPCODES; done++) {
            int at = in.position();
            int opcode = in.get() & 0xFF;
            if (opcode == '.') {
                return pop();
            }
            step(opcode, at);
        }
        throw refuse("its pickle has more than " + MAX_OPCODES + " opcodes");
    }

    private void step(int opcode, int at) {
        switch (opcode) {
            case 0x80 -> protocol(in.get() & 0xFF);
            case 0x95 -> in.getLong(); // FRAME: a hint for buffering
            case '(' -> stack.push(Marker.MARK);
            case 'N' -> stack.push(Marker.NONE);
            case 0x88 -> stack.push(true);
            case 0x89 -> stack.push(false);
            case 'J' -> stack.push((long) in.getInt());
            case 'K' -> stack.push((long) (in.get() & 0xFF));
            case 'M' -> stack.push((long) (in.getShort() & 0xFFFF));
            case 0x8A -> stack.push(longOf(in.get() & 0xFF));
            case 'G' -> stack.push(Double.longBitsToDouble(Long.reverseBytes(in.getLong())));
            case 'X' -> stack.push(text(in.getInt() & 0xFFFFFFFFL));
            case 0x8C -> stack.push(text(in.get() & 0xFF));
            case '}' -> stack.push(new LinkedHashMap<Object, Object>());
            case ']' -> stack.push(new ArrayList<Object>());
            case ')' -> stack.push(List.of());
            case 't' -> stack.push(popToMark());
            case 0x85 -> stack.push(popTuple(1));
            case 0x86 -> stack.push(popTuple(2));
            case 0x87 -> stack.push(popTuple(3));
            case 'q' -> memo.put(in.get() & 0xFF, peek());
            case 'r' -> memo.put(in.getInt(), peek());
            case 0x94 -> memo.put(memo.size(), peek());
            case 'h' -> stack.push(remembered(in.get() & 0xFF));
            case 'j' -> stack.push(remembered(in.getInt()));
            case 'c' -> stack.push(global(line(), line()));
            case 0x93 -> {
                List<Object> names = popTuple(2);
                stack.push(global(asText(names.get(0)), asText(names.get(1))));
            }
            case 'Q' -> stack.push(storage(pop()));
            case 'R' -> {
                List<Object> call = popTuple(2);
                stack.push(rebuild(call.get(0), call.get(1)));
            }
            case 's' -> setItems(popTuple(2));
            case 'u' -> setItems(popToMark());
            case 'b' -> build();
            default ->
                throw refuse("opcode 0x" + Integer.toHexString(opcode) + " at byte " + at
                        + " of its pickle is not one that a dictionary of tensors needs");
        }
    }

    private void protocol(int version) {
        if (version < 2 || version > 5) {
            throw refuse("its pickle has protocol " + version + ", but only 2 to 5 are known");
        }
    }

    private Global global(String module, String name) {
        Global global = new Global(module, name);
        boolean allowed = global.equals(ORDERED_DICT)
                || global.equals(REBUILD_TENSOR)
                || global.equals(REBUILD_PARAMETER)
                || (module.equals("torch") && STORAGES.contains(name));
        if (!allowed) {
            throw new WeightsException(
                    "weights.refused",
                    "refusing to load " + file + ": it asks for `" + global + "`, but " + content.name()
                            + " needs only tensors; convert it to safetensors");
        }
        return global;
    }

    // ('storage', type, key, location, size): the location (cpu, cuda:0) does not matter here.
    private Storage storage(Object id) {
        if (id instanceof List<?> parts
                && parts.size() == 5
                && "storage".equals(parts.get(0))
                && parts.get(1) instanceof Global type
                && STORAGES.contains(type.name())
                && parts.get(2) instanceof String key
                && parts.get(4) instanceof Long size) {
            return new Storage(type.name(), key, size);
        }
        throw refuse("it refers to something outside itself that is not a storage");
    }

    private Object rebuild(Object function, Object arguments) {
        if (function instanceof Global global && arguments instanceof List<?> args) {
            if (global.equals(ORDERED_DICT) && args.isEmpty()) {
                return new LinkedHashMap<Object, Object>();
            }
            // The other arguments (requires_grad, hooks, newer flags) change no value.
            if (global.equals(REBUILD_TENSOR)
                    && args.size() >= 4
                    && args.get(0) instanceof Storage storage
                    && args.get(1) instanceof Long offset) {
                return new StridedTensor(storage, offset, longs(args.get(2)), longs(args.get(3)));
            }
            if (global.equals(REBUILD_PARAMETER) && !args.isEmpty() && args.get(0) instanceof StridedTensor tensor) {
                return tensor;
            }
        }
        throw refuse("it calls " + (function instanceof Global ? function : "something that is not a function")
                + " in a way that torch.save does not");
    }

    // torch.save of a module's state_dict sets the attribute _metadata (layer versions) on the dictionary.
    private void build() {
        Object state = pop();
        if (!(peek() instanceof Map<?, ?>) || !(state instanceof Map<?, ?>)) {
            throw refuse("it sets attributes of something that is not a dictionary");
        }
    }

    @SuppressWarnings("unchecked") // only this machine makes maps, and all of them are of this type
    private void setItems(List<Object> items) {
        if (items.size() % 2 != 0 || !(peek() instanceof Map<?, ?> dict)) {
            throw refuse("its pickle sets items of something that is not a dictionary");
        }
        for (int i = 0; i < items.size(); i += 2) {
            // A key that is a container could hold itself, and its hash would never end.
            if (!(items.get(i) instanceof String) && !(items.get(i) instanceof Long)) {
                throw refuse("it has a dictionary whose keys are not names");
            }
            ((Map<Object, Object>) dict).put(items.get(i), items.get(i + 1));
        }
    }

    private List<Long> longs(Object tuple) {
        List<Long> longs = new ArrayList<>();
        if (tuple instanceof List<?> values) {
            for (Object value : values) {
                if (value instanceof Long number) {
                    longs.add(number);
                } else {
                    throw refuse("a shape or stride in it is not a number");
                }
            }
            return longs;
        }
        throw refuse("a shape or stride in it is not a tuple");
    }

    private Object remembered(int index) {
        Object value = memo.get(index);
        if (value == null) {
            throw refuse("its pickle recalls value " + index + ", which it never stored");
        }
        return value;
    }

    private long longOf(int bytes) {
        if (bytes > Long.BYTES) {
            throw refuse("it has a number of " + bytes + " bytes");
        }
        long value = 0;
        for (int i = 0; i < bytes; i++) {
            long next = in.get();
            // All but the last byte are unsigned; the last carries the sign.
            value |= (i == bytes - 1 ? next : next & 0xFF) << (8 * i);
        }
        return value;
    }

    private String text(long bytes) {
        if (bytes > in.remaining()) {
            throw new BufferUnderflowException();
        }
        byte[] utf8 = new byte[(int) bytes];
        in.get(utf8);
        return new String(utf8, StandardCharsets.UTF_8);
    }

    private String line() {
        int start = in.position();
        while (in.get() != '\n') {
            // the loop's condition moves on
        }
        return new String(in.array(), start, in.position() - 1 - start, StandardCharsets.UTF_8);
    }

    private String asText(Object value) {
        if (value instanceof String text) {
            return text;
        }
        throw refuse("it asks for a function whose name is not text");
    }

    private List<Object> popToMark() {
        ArrayDeque<Object> items = new ArrayDeque<>();
        for (Object top = popAny(); top != Marker.MARK; top = popAny()) {
            items.push(top);
        }
        return new ArrayList<>(items);
    }

    private List<Object> popTuple(int size) {
        ArrayDeque<Object> items = new ArrayDeque<>();
        for (int i = 0; i < size; i++) {
            items.push(pop());
        }
        return new ArrayList<>(items);
    }

    private Object pop() {
        peek();
        return popAny();
    }

    private Object popAny() {
        Object top = stack.poll();
        if (top == null) {
            throw refuse("its pickle pops more from the stack than it pushed");
        }
        return top;
    }

    private Object peek() {
        Object top = stack.peek();
        if (top == null || top == Marker.MARK) {
            throw refuse("its pickle pops more from the stack than it pushed");
        }
        return top;
    }

    private WeightsException refuse(String why) {
        return new WeightsException(
                "weights.refused", "refusing to load " + file + ": " + why + "; convert it to safetensors");
    }
}
