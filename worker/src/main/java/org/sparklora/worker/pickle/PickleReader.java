package org.sparklora.worker.pickle;

import java.io.EOFException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import net.razorvine.pickle.Opcodes;
import net.razorvine.pickle.PickleException;
import net.razorvine.pickle.PickleUtils;
import net.razorvine.pickle.Unpickler;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.safetensors.DType;
import org.sparklora.worker.safetensors.WeightsException;

/**
 * Reads the pickle inside a torch archive as data. A pickle is a program for a stack machine that may call any function by
 * name. This machine calls no functions: it only understands what {@code torch.save} of a dictionary of tensors writes.
 *
 * <p>It allows the opcodes of Python's {@code pickletools}, protocols 2 to 5, that a state dict needs. Every other opcode, and
 * every global outside the list, is refused. What names, calls or fills something is executed here; Pyrolite, the library that
 * Spark itself uses, executes what only pushes numbers, texts and tuples, and never looks up a constructor.
 */
final class PickleReader extends Unpickler {

    /** Element types of a storage, by the class that PyTorch names. */
    static final Map<String, DType> STORAGES = Map.of(
            "FloatStorage", DType.F32,
            "HalfStorage", DType.F16,
            "BFloat16Storage", DType.BF16,
            "DoubleStorage", DType.F64,
            "LongStorage", DType.I64,
            "IntStorage", DType.I32,
            "ShortStorage", DType.I16,
            "CharStorage", DType.I8,
            "ByteStorage", DType.U8,
            "BoolStorage", DType.BOOL);

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

    /** A function or class that the pickle names, e.g. {@code torch.FloatStorage}. */
    private record Global(String module, String name) {

        @Override
        public String toString() {
            return module + "." + name;
        }
    }

    private static final Global ORDERED_DICT = new Global("collections", "OrderedDict");
    private static final Global REBUILD_TENSOR = new Global("torch._utils", "_rebuild_tensor_v2");
    private static final Global REBUILD_PARAMETER = new Global("torch._utils", "_rebuild_parameter");
    private static final Set<Global> FUNCTIONS = Set.of(ORDERED_DICT, REBUILD_TENSOR, REBUILD_PARAMETER);

    /**
     * The opcodes that the library executes, by their codes in {@code pickletools}: they push None, a boolean, a number, a text,
     * a tuple or something empty, or store a value and recall it.
     */
    private static final String SIMPLE = "(N\u0088\u0089JKM\u008AGX\u008C}])t\u0085\u0086\u0087qr\u0094hj\u0080\u0095.";

    /** A tensor takes about thirty opcodes, so this allows 60,000 tensors. Without a limit, a small file could fill the heap. */
    private static final int MAX_OPCODES = 2_000_000;

    private final String file;
    private final TorchFile.Content content;
    private final int bytes;
    private int opcodes;

    private PickleReader(String file, TorchFile.Content content, int bytes) {
        this.file = file;
        this.content = content;
        this.bytes = bytes;
    }

    /** The tensors of a pickled dictionary, by name. */
    static Map<String, StridedTensor> readStateDict(String file, TorchFile.Content content, byte[] pickle) {
        PickleReader reader = new PickleReader(file, content, pickle.length);
        try {
            return reader.stateDict(reader.loads(pickle));
        } catch (IOException e) {
            throw new WeightsException(
                    "weights.damaged", file + ": the pickle ends in the middle; copy the file again", e);
        } catch (IndexOutOfBoundsException e) {
            throw reader.refuse("its pickle pops more from the stack than it pushed", e);
        } catch (PickleException e) {
            throw reader.refuse("its pickle is wrong (" + e.getMessage() + ")", e);
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

    @Override
    protected Object dispatch(short opcode) throws IOException {
        if (++opcodes > MAX_OPCODES) {
            throw refuse("its pickle has more than " + MAX_OPCODES + " opcodes");
        }
        switch (opcode) {
            case Opcodes.GLOBAL -> stack.add(global(PickleUtils.readline(input), PickleUtils.readline(input)));
            case Opcodes.STACK_GLOBAL -> {
                Object name = stack.pop();
                stack.add(global(text(stack.pop()), text(name)));
            }
            case Opcodes.BINPERSID -> stack.add(storage(stack.pop()));
            case Opcodes.REDUCE -> {
                Object arguments = stack.pop();
                stack.add(rebuild(stack.pop(), arguments));
            }
            case Opcodes.SETITEM -> {
                Object value = stack.pop();
                setItems(Arrays.asList(stack.pop(), value));
            }
            case Opcodes.SETITEMS -> setItems(stack.pop_all_since_marker());
            case Opcodes.BUILD -> build();
            default -> {
                if (SIMPLE.indexOf(opcode) < 0) {
                    throw refuse("opcode 0x" + Integer.toHexString(opcode) + " at byte "
                            + (bytes - input.available() - 1)
                            + " of its pickle is not one that a dictionary of tensors needs");
                }
                checkArgument(opcode);
                return super.dispatch(opcode);
            }
        }
        return NO_RETURN_VALUE;
    }

    /** Refuses an argument that the library would believe. */
    private void checkArgument(short opcode) throws IOException {
        switch (opcode) {
            case Opcodes.PROTO -> {
                if (argument(1) < 2 || argument(1) > 5) {
                    throw refuse("its pickle has protocol " + argument(1) + ", but only 2 to 5 are known");
                }
            }
            case Opcodes.BINGET -> requireStored(argument(1));
            case Opcodes.LONG_BINGET -> requireStored(argument(Integer.BYTES));
            case Opcodes.LONG1 -> {
                if (argument(1) > Long.BYTES) {
                    throw refuse("it has a number of " + argument(1) + " bytes");
                }
            }
            case Opcodes.BINUNICODE -> {
                if (argument(Integer.BYTES) > input.available() - Integer.BYTES) {
                    throw new EOFException("a text is longer than the rest");
                }
            }
            default -> {}
        }
    }

    /** The number after an opcode; the library reads it again. */
    private long argument(int size) throws IOException {
        input.mark(size);
        byte[] little = Arrays.copyOf(PickleUtils.readbytes(input, size), Integer.BYTES);
        input.reset();
        return PickleUtils.bytes_to_uint(little, 0);
    }

    private void requireStored(long index) {
        if (!memo.containsKey((int) index)) {
            throw refuse("its pickle recalls value " + index + ", which it never stored");
        }
    }

    private Global global(String module, String name) {
        Global global = new Global(module, name);
        if (!FUNCTIONS.contains(global) && !(module.equals("torch") && STORAGES.containsKey(name))) {
            throw new WeightsException(
                    "weights.refused",
                    "refusing to load " + file + ": it asks for `" + global + "`, but " + content.name()
                            + " needs only tensors; convert it to safetensors");
        }
        return global;
    }

    private String text(Object name) {
        if (name instanceof String text) {
            return text;
        }
        throw refuse("it asks for a function whose name is not text");
    }

    // ('storage', type, key, location, size): the location (cpu, cuda:0) does not matter here.
    private Storage storage(Object id) {
        if (id instanceof Object[] parts
                && parts.length == 5
                && "storage".equals(parts[0])
                && parts[1] instanceof Global type
                && STORAGES.containsKey(type.name())
                && parts[2] instanceof String key
                && parts[4] instanceof Number size) {
            return new Storage(type.name(), key, size.longValue());
        }
        throw refuse("it refers to something outside itself that is not a storage");
    }

    private Object rebuild(Object function, Object arguments) {
        if (function instanceof Global global && arguments instanceof Object[] args) {
            if (global.equals(ORDERED_DICT) && args.length == 0) {
                return new LinkedHashMap<Object, Object>();
            }
            // The other arguments (requires_grad, hooks, newer flags) change no value.
            if (global.equals(REBUILD_TENSOR)
                    && args.length >= 4
                    && args[0] instanceof Storage storage
                    && args[1] instanceof Number offset) {
                return new StridedTensor(storage, offset.longValue(), longs(args[2]), longs(args[3]));
            }
            if (global.equals(REBUILD_PARAMETER) && args.length > 0 && args[0] instanceof StridedTensor tensor) {
                return tensor;
            }
        }
        throw refuse("it calls " + (function instanceof Global ? function : "something that is not a function")
                + " in a way that torch.save does not");
    }

    // torch.save of a module's state_dict sets the attribute _metadata (layer versions) on the dictionary.
    private void build() {
        Object state = stack.pop();
        if (!(stack.peek() instanceof Map<?, ?>) || !(state instanceof Map<?, ?>)) {
            throw refuse("it sets attributes of something that is not a dictionary");
        }
    }

    @SuppressWarnings("unchecked") // the library and this class make maps of this type only
    private void setItems(List<Object> items) {
        if (items.size() % 2 != 0 || !(stack.peek() instanceof Map<?, ?> dict)) {
            throw refuse("its pickle sets items of something that is not a dictionary");
        }
        for (int i = 0; i < items.size(); i += 2) {
            // A key that is a container could hold itself, and its hash would never end.
            if (!(items.get(i) instanceof String) && !(items.get(i) instanceof Number)) {
                throw refuse("it has a dictionary whose keys are not names");
            }
            ((Map<Object, Object>) dict).put(items.get(i), items.get(i + 1));
        }
    }

    private List<Long> longs(Object tuple) {
        if (!(tuple instanceof Object[] values)) {
            throw refuse("a shape or stride in it is not a tuple");
        }
        List<Long> longs = new ArrayList<>();
        for (Object value : values) {
            if (!(value instanceof Integer) && !(value instanceof Long)) {
                throw refuse("a shape or stride in it is not a number");
            }
            longs.add(((Number) value).longValue());
        }
        return longs;
    }

    private WeightsException refuse(String why) {
        return refuse(why, null);
    }

    private WeightsException refuse(String why, @Nullable Exception cause) {
        return new WeightsException(
                "weights.refused", "refusing to load " + file + ": " + why + "; convert it to safetensors", cause);
    }
}
