package org.sparklora.driver.model.export;

import java.io.ByteArrayOutputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.LocalDateTime;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.sparklora.worker.encoder.EncoderScript;

/**
 * Writes a TorchScript archive as {@code torch.jit.save} does: a zip of stored entries with the module's source, its
 * state as a pickle, and float32 tensors each in an entry of its own whose bytes begin at a multiple of 64, where PyTorch
 * maps them.
 *
 * <p>The state is one module whose attributes are the tensors. Its pickle names the module's class and what PyTorch's own
 * pickles name (_rebuild_tensor_v2, FloatStorage, OrderedDict), and nothing else. Equal input gives equal bytes.
 */
final class ScriptArchive {

    /** Name of the folder inside the archive. */
    private static final String ROOT = "model/";

    /** Of the archive format: since it gelu has its approximate argument. */
    private static final String VERSION = "10\n";

    private static final int ALIGNMENT = 64;
    private static final int LOCAL_HEADER = 30;

    /** Almost the first that a zip knows: for the very first Java would add a field with the time zone's second. */
    private static final LocalDateTime NO_TIME = LocalDateTime.of(1980, 1, 1, 0, 0, 2);

    private final Counting counting;
    private final ZipOutputStream zip;

    private ScriptArchive(OutputStream out) {
        this.counting = new Counting(out);
        this.zip = new ZipOutputStream(counting);
    }

    /** Bytes of a tensor, little-endian. */
    @FunctionalInterface
    interface Bytes {
        byte[] of(String name) throws IOException;
    }

    /**
     * Writes an archive; the stream stays open.
     *
     * @param code source of {@link EncoderScript#MODULE}
     * @param shapes of the tensors, by name
     * @param bytes asked for each tensor once, in the order of the names
     */
    static void write(OutputStream out, String code, SortedMap<String, List<Integer>> shapes, Bytes bytes)
            throws IOException {
        ScriptArchive archive = new ScriptArchive(out);
        archive.store("data.pkl", state(shapes));
        archive.store("code/__torch__.py", code.getBytes(StandardCharsets.UTF_8));
        archive.store(
                "constants.pkl", new Pickle().op(0x80, 2).text(")").op('.').bytes());
        archive.store("version", VERSION.getBytes(StandardCharsets.US_ASCII));
        int storage = 0;
        for (String name : shapes.keySet()) {
            archive.store("data/" + storage, bytes.of(name));
            storage++;
        }
        archive.zip.finish();
    }

    private void store(String name, byte[] bytes) throws IOException {
        CRC32 crc = new CRC32();
        crc.update(bytes);
        ZipEntry entry = new ZipEntry(ROOT + name);
        entry.setMethod(ZipEntry.STORED);
        entry.setSize(bytes.length);
        entry.setCrc(crc.getValue());
        entry.setTimeLocal(NO_TIME);
        entry.setExtra(padding(entry.getName().length()));
        zip.putNextEntry(entry);
        zip.write(bytes);
        zip.closeEntry();
    }

    /** An extra field of PyTorch's kind, "FB", as long as it takes for the entry's bytes to be aligned. */
    private byte[] padding(int nameBytes) {
        long start = counting.written + LOCAL_HEADER + nameBytes + 4;
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

    /** The module: {@code SequenceClassifier()} with its attributes, tensor i in storage i. */
    private static byte[] state(SortedMap<String, List<Integer>> shapes) {
        int dot = EncoderScript.MODULE.lastIndexOf('.');
        Pickle pickle = new Pickle()
                .op(0x80, 2)
                .global(EncoderScript.MODULE.substring(0, dot), EncoderScript.MODULE.substring(dot + 1))
                .text(")")
                .op(0x81)
                .text("}(")
                .string("training")
                .op(0x89);
        int storage = 0;
        for (Map.Entry<String, List<Integer>> tensor : shapes.entrySet()) {
            pickle.string(EncoderScript.attribute(tensor.getKey())).tensor(storage, tensor.getValue());
            storage++;
        }
        return pickle.text("ub.").bytes();
    }

    /** Opcodes of Python's pickle, protocol 2. */
    private static final class Pickle {

        private final ByteArrayOutputStream out = new ByteArrayOutputStream();

        Pickle op(int... codes) {
            for (int code : codes) {
                out.write(code);
            }
            return this;
        }

        /** Opcodes that are letters. */
        Pickle text(String ascii) {
            out.writeBytes(ascii.getBytes(StandardCharsets.US_ASCII));
            return this;
        }

        Pickle global(String module, String name) {
            return text("c" + module + "\n" + name + "\n");
        }

        Pickle string(String value) {
            byte[] utf8 = value.getBytes(StandardCharsets.UTF_8);
            op('X').little(utf8.length);
            out.writeBytes(utf8);
            return this;
        }

        Pickle number(int value) {
            return op('J').little(value);
        }

        /** {@code _rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict())}. */
        Pickle tensor(int storage, List<Integer> shape) {
            int[] strides = new int[shape.size()];
            int size = 1;
            for (int i = shape.size() - 1; i >= 0; i--) {
                strides[i] = size;
                size = Math.multiplyExact(size, shape.get(i));
            }
            global("torch._utils", "_rebuild_tensor_v2").text("((").string("storage");
            global("torch", "FloatStorage").string(Integer.toString(storage)).string("cpu");
            number(size).text("tQ").number(0).text("(");
            shape.forEach(this::number);
            text("t(");
            for (int stride : strides) {
                number(stride);
            }
            return text("t").op(0x89).global("collections", "OrderedDict").text(")RtR");
        }

        byte[] bytes() {
            return out.toByteArray();
        }

        private Pickle little(int value) {
            out.writeBytes(ByteBuffer.allocate(Integer.BYTES)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putInt(value)
                    .array());
            return this;
        }
    }

    /** Knows where the next byte goes. */
    private static final class Counting extends FilterOutputStream {

        private long written;

        Counting(OutputStream out) {
            super(out);
        }

        @Override
        public void write(int b) throws IOException {
            out.write(b);
            written++;
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
            out.write(bytes, offset, length);
            written += length;
        }
    }
}
