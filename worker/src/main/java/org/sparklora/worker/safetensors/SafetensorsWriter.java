package org.sparklora.worker.safetensors;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;
import org.apache.commons.io.output.CountingOutputStream;

/**
 * Writes tensors as safetensors. Equal names, shapes and bits give equal bytes, and so equal digests.
 *
 * <p>Names are in order, {@code __metadata__} is {@code {"format":"pt"}} and comes first (Hugging Face's loaders ask for
 * it), and spaces pad the header to a multiple of 8, so that mapped values are aligned.
 */
public final class SafetensorsWriter {

    private static final ObjectMapper JSON = new ObjectMapper();

    private SafetensorsWriter() {}

    /** Writes to a file, replacing it. */
    public static void write(Path path, SortedMap<String, Tensor> tensors) throws IOException {
        try (OutputStream out = Files.newOutputStream(path)) {
            write(out, tensors);
        }
    }

    /** Writes to a stream, which stays open. */
    public static void write(OutputStream out, SortedMap<String, Tensor> tensors) throws IOException {
        SortedMap<String, List<Integer>> shapes = new TreeMap<>();
        tensors.forEach((name, tensor) -> shapes.put(name, tensor.shape()));
        Bytes bytes = (name, to) -> ValueWriter.write(to, writer -> {
            FloatBuffer values = Objects.requireNonNull(tensors.get(name)).view();
            while (values.hasRemaining()) {
                writer.put(values.get());
            }
        });
        write(out, shapes, DType.F32, bytes);
    }

    /** Writes the bytes of one tensor, little-endian, row-major. */
    @FunctionalInterface
    public interface Bytes {
        void write(String name, OutputStream out) throws IOException;
    }

    /**
     * Writes tensor by tensor; the stream stays open.
     *
     * @param shapes of every tensor, by name
     * @param bytes is called once for each tensor, in the order of the names
     */
    public static void write(OutputStream out, SortedMap<String, List<Integer>> shapes, DType dtype, Bytes bytes)
            throws IOException {
        // A map may come with an order of its own; the file's order must not depend on it.
        SortedMap<String, List<Integer>> sorted = new TreeMap<>(String::compareTo);
        sorted.putAll(shapes);
        byte[] header = header(sorted, dtype);
        out.write(ByteBuffer.allocate(Long.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(header.length)
                .array());
        out.write(header);
        for (Map.Entry<String, List<Integer>> tensor : sorted.entrySet()) {
            CountingOutputStream counted = new CountingOutputStream(out);
            bytes.write(tensor.getKey(), counted);
            if (counted.getByteCount() != Tensor.size(tensor.getValue()) * dtype.bytes()) {
                throw new IllegalArgumentException("tensor '" + tensor.getKey() + "' of shape " + tensor.getValue()
                        + " came with " + counted.getByteCount() + " bytes of " + dtype);
            }
        }
    }

    /** The whole file in memory, for adapters: the caller writes it to any file system. */
    public static byte[] encode(SortedMap<String, Tensor> tensors) {
        try (ByteArrayOutputStream out = new ByteArrayOutputStream()) {
            write(out, tensors);
            return out.toByteArray();
        } catch (IOException e) {
            throw new UncheckedIOException("writing to memory failed", e);
        }
    }

    private static byte[] header(SortedMap<String, List<Integer>> shapes, DType dtype) throws IOException {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.putObject(SafetensorsHeader.METADATA).put("format", "pt");
        long begin = 0;
        for (Map.Entry<String, List<Integer>> e : shapes.entrySet()) {
            if (e.getKey().equals(SafetensorsHeader.METADATA)) {
                throw new IllegalArgumentException("no tensor may be named '" + SafetensorsHeader.METADATA + "'");
            }
            long end = begin + Tensor.size(e.getValue()) * dtype.bytes();
            ObjectNode tensor = json.putObject(e.getKey()).put("dtype", dtype.name());
            e.getValue().forEach(tensor.putArray("shape")::add);
            tensor.putArray("data_offsets").add(begin).add(end);
            begin = end;
        }
        byte[] utf8 = JSON.writeValueAsBytes(json);
        byte[] padded = Arrays.copyOf(utf8, (utf8.length + 7) / 8 * 8);
        Arrays.fill(padded, utf8.length, padded.length, (byte) ' ');
        return padded;
    }
}
