package org.sparklora.worker.pickle;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.sparklora.worker.safetensors.Tensor;

/** Writes what {@code torch.save} writes of a state dict: an OrderedDict of float32 tensors, a storage each, protocol 2. */
public final class TorchFiles {

    private final ByteArrayOutputStream pickle = new ByteArrayOutputStream();

    private TorchFiles() {}

    /** Writes a file. */
    public static void write(Path file, SortedMap<String, Tensor> tensors) throws IOException {
        TorchFiles of = new TorchFiles();
        of.op("\u0080\u0002").global("collections", "OrderedDict").op(")R(");
        int key = 0;
        for (Map.Entry<String, Tensor> e : tensors.entrySet()) {
            of.text(e.getKey()).tensor(key++, e.getValue());
        }
        of.op("u}").text("_metadata").op("}sb.");
        archive(file, of.pickle.toByteArray(), List.copyOf(tensors.values()));
    }

    /** A file whose pickle would call {@code os.system} where one runs it. */
    public static void writeCall(Path file, String command) throws IOException {
        TorchFiles of = new TorchFiles();
        of.op("\u0080\u0002").global("os", "system").text(command).op("\u0085R.");
        archive(file, of.pickle.toByteArray(), List.of());
    }

    private void tensor(int key, Tensor tensor) {
        global("torch._utils", "_rebuild_tensor_v2").op("((").text("storage").global("torch", "FloatStorage");
        text(Integer.toString(key))
                .text("cpu")
                .number(tensor.size())
                .op("tQ")
                .number(0)
                .op("(");
        tensor.shape().forEach(this::number);
        op("t(");
        int stride = tensor.size();
        for (int d : tensor.shape()) {
            stride /= Math.max(1, d);
            number(stride);
        }
        op("t\u0089").global("collections", "OrderedDict").op(")RtR");
    }

    private TorchFiles op(String opcodes) {
        pickle.writeBytes(opcodes.getBytes(StandardCharsets.ISO_8859_1));
        return this;
    }

    private TorchFiles global(String module, String name) {
        return op("c" + module + "\n" + name + "\n");
    }

    private TorchFiles text(String text) {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        op("X").little(utf8.length);
        pickle.writeBytes(utf8);
        return this;
    }

    private TorchFiles number(int value) {
        return op("J").little(value);
    }

    private TorchFiles little(int value) {
        pickle.writeBytes(ByteBuffer.allocate(4)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(value)
                .array());
        return this;
    }

    private static void archive(Path file, byte[] pickle, List<Tensor> storages) throws IOException {
        try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(file))) {
            store(zip, "archive/data.pkl", pickle);
            for (int i = 0; i < storages.size(); i++) {
                ByteBuffer bytes =
                        ByteBuffer.allocate(4 * storages.get(i).size()).order(ByteOrder.LITTLE_ENDIAN);
                bytes.asFloatBuffer().put(storages.get(i).values());
                store(zip, "archive/data/" + i, bytes.array());
            }
            store(zip, "archive/version", "3\n".getBytes(StandardCharsets.US_ASCII));
        }
    }

    private static void store(ZipOutputStream zip, String name, byte[] bytes) throws IOException {
        CRC32 crc = new CRC32();
        crc.update(bytes);
        ZipEntry entry = new ZipEntry(name);
        entry.setMethod(ZipEntry.STORED);
        entry.setSize(bytes.length);
        entry.setCrc(crc.getValue());
        zip.putNextEntry(entry);
        zip.write(bytes);
        zip.closeEntry();
    }
}
