package org.sparklora.worker.engine;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.LocalDateTime;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.CheckedOutputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.apache.commons.io.function.IOConsumer;
import org.apache.commons.io.output.CountingOutputStream;

/**
 * Writes a TorchScript archive as {@code torch.jit.save} does: a zip of stored entries with the module's source, its state
 * as a pickle, and each float32 tensor in an entry of its own. The bytes of a tensor begin at a multiple of 64, because
 * PyTorch maps them.
 *
 * <p>The state is one module whose attributes are the tensors. Its pickle names the module's class and what PyTorch's own
 * pickles name (_rebuild_tensor_v2, FloatStorage, OrderedDict), and nothing else. Equal input gives equal bytes.
 */
public final class TorchScriptArchive {

    /** Package of every module class. */
    private static final String PACKAGE = "__torch__";

    /** Name of the folder inside the archive. */
    private static final String ROOT = "model/";

    /** Version of the archive format. From 10 on, gelu has its argument {@code approximate}. */
    private static final String VERSION = "10\n";

    /** Starts a pickle. */
    private static final String PROTOCOL_2 = "\u0080\u0002";

    /** The opcode that pushes False. */
    private static final String FALSE = "\u0089";

    private static final int ALIGNMENT = 64;
    private static final int LOCAL_HEADER = 30;

    /** Not the first time that a zip can hold: for that one, Java adds a field with the time zone. */
    private static final LocalDateTime NO_TIME = LocalDateTime.of(1980, 1, 1, 0, 0, 2);

    private final CountingOutputStream counting;
    private final ZipOutputStream zip;

    private TorchScriptArchive(OutputStream out) {
        this.counting = new CountingOutputStream(out);
        this.zip = new ZipOutputStream(counting);
    }

    /** Writes the bytes of a tensor, little-endian. */
    @FunctionalInterface
    public interface TensorBytes {
        void write(String name, OutputStream out) throws IOException;
    }

    /** The type of {@code self} in the source of a module class. */
    public static String type(String className) {
        return PACKAGE + "." + className;
    }

    /** The attribute that holds a tensor: its name, with an underscore for each dot. */
    public static String attribute(String tensor) {
        return tensor.replace('.', '_');
    }

    /**
     * Writes an archive; the stream stays open.
     *
     * @param className the module's class, without its package
     * @param code source of the class
     * @param shapes of the tensors by name, in the order in which they are written
     * @param bytes is called twice for each tensor, in that order: an entry's checksum stands before its bytes
     */
    public static void write(
            OutputStream out, String className, String code, Map<String, List<Integer>> shapes, TensorBytes bytes)
            throws IOException {
        TorchScriptArchive archive = new TorchScriptArchive(out);
        archive.store("data.pkl", state(className, shapes));
        archive.store("code/" + PACKAGE + ".py", code.getBytes(StandardCharsets.UTF_8));
        archive.store("constants.pkl", bytes(PROTOCOL_2 + ")."));
        archive.store("version", VERSION.getBytes(StandardCharsets.US_ASCII));
        int storage = 0;
        for (Map.Entry<String, List<Integer>> tensor : shapes.entrySet()) {
            long size =
                    tensor.getValue().stream().mapToLong(Integer::longValue).reduce(Float.BYTES, Math::multiplyExact);
            archive.store("data/" + storage, size, to -> bytes.write(tensor.getKey(), to));
            storage++;
        }
        archive.zip.finish();
    }

    private void store(String name, byte[] bytes) throws IOException {
        store(name, bytes.length, to -> to.write(bytes));
    }

    private void store(String name, long size, IOConsumer<OutputStream> bytes) throws IOException {
        CheckedOutputStream sum = new CheckedOutputStream(OutputStream.nullOutputStream(), new CRC32());
        bytes.accept(sum);
        ZipEntry entry = new ZipEntry(ROOT + name);
        entry.setMethod(ZipEntry.STORED);
        entry.setSize(size);
        entry.setCrc(sum.getChecksum().getValue());
        entry.setTimeLocal(NO_TIME);
        entry.setExtra(padding(entry.getName().length()));
        zip.putNextEntry(entry);
        bytes.accept(zip);
        zip.closeEntry();
    }

    /** An extra field of PyTorch's kind, "FB", long enough to align the entry's bytes. */
    private byte[] padding(int nameBytes) {
        long start = counting.getByteCount() + LOCAL_HEADER + nameBytes + 4;
        int fill = (int) (-start & (ALIGNMENT - 1));
        byte[] extra = new byte[4 + fill];
        Arrays.fill(extra, (byte) 'Z');
        ByteBuffer.wrap(extra)
                .order(ByteOrder.LITTLE_ENDIAN)
                .put((byte) 'F')
                .put((byte) 'B')
                .putShort((short) fill);
        return extra;
    }

    /** The module: an instance of the class with its attributes, tensor i in storage i. */
    private static byte[] state(String className, Map<String, List<Integer>> shapes) {
        StringBuilder pickle = new StringBuilder(PROTOCOL_2 + global(PACKAGE, className) + ")\u0081}(");
        pickle.append(string("training")).append(FALSE);
        int storage = 0;
        for (Map.Entry<String, List<Integer>> tensor : shapes.entrySet()) {
            pickle.append(string(attribute(tensor.getKey()))).append(tensor(storage, tensor.getValue()));
            storage++;
        }
        return bytes(pickle.append("ub.").toString());
    }

    /** {@code _rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict())}. */
    private static String tensor(int storage, List<Integer> shape) {
        StringBuilder sizes = new StringBuilder();
        StringBuilder strides = new StringBuilder();
        int size = 1;
        for (int i = shape.size() - 1; i >= 0; i--) {
            sizes.insert(0, number(shape.get(i)));
            strides.insert(0, number(size));
            size = Math.multiplyExact(size, shape.get(i));
        }
        String id = string("storage")
                + global("torch", "FloatStorage")
                + string(Integer.toString(storage))
                + string("cpu")
                + number(size);
        return global("torch._utils", "_rebuild_tensor_v2") + "((" + id + "tQ" + number(0) + "(" + sizes + "t("
                + strides + "t" + FALSE + global("collections", "OrderedDict") + ")RtR";
    }

    // Opcodes and arguments of Python's pickle, protocol 2, a byte in each character.

    private static String global(String module, String name) {
        return "c" + module + "\n" + name + "\n";
    }

    private static String string(String value) {
        String utf8 = characters(value.getBytes(StandardCharsets.UTF_8));
        return "X" + little(utf8.length()) + utf8;
    }

    private static String number(int value) {
        return "J" + little(value);
    }

    private static String little(int value) {
        return characters(ByteBuffer.allocate(Integer.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(value)
                .array());
    }

    private static String characters(byte[] bytes) {
        return new String(bytes, StandardCharsets.ISO_8859_1);
    }

    private static byte[] bytes(String pickle) {
        return pickle.getBytes(StandardCharsets.ISO_8859_1);
    }
}
