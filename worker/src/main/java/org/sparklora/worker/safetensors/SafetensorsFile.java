package org.sparklora.worker.safetensors;

import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * An open safetensors file. The header is read and checked on opening.
 *
 * <p>Files may exceed 2 GiB, a single tensor may not. Buffers from {@link #map} outlive the file. Safe from any thread.
 */
public final class SafetensorsFile implements TensorFile {

    /** Hugging Face's own limit; a length above it is damage, and allocating it would end the process instead. */
    private static final long MAX_HEADER_BYTES = 100_000_000;

    private static final int CHUNK_BYTES = 1 << 18;

    private final Path path;
    private final FileChannel channel;
    private final SafetensorsHeader header;
    private final long dataStart;

    private SafetensorsFile(Path path, FileChannel channel, SafetensorsHeader header, long dataStart) {
        this.path = path;
        this.channel = channel;
        this.header = header;
        this.dataStart = dataStart;
    }

    /** Opens a file and checks its header against the file's length; no tensor is read. */
    public static SafetensorsFile open(Path path) {
        FileChannel channel = null;
        try {
            channel = FileChannel.open(path, StandardOpenOption.READ);
            SafetensorsFile file = open(path, channel);
            channel = null;
            return file;
        } catch (NoSuchFileException e) {
            throw new WeightsException("weights.missing", path + ": there is no such file; check the path", e);
        } catch (IOException e) {
            throw new WeightsException(
                    "weights.unreadable",
                    path + ": cannot be read (" + e.getMessage() + "); check that it is a readable file",
                    e);
        } finally {
            closeQuietly(channel);
        }
    }

    /**
     * Reads a whole file in memory, as a remote file system gives it, with the checks of {@link #open}.
     *
     * @param file its name, for messages
     * @return all tensors as float32, by name
     */
    public static SortedMap<String, Tensor> decode(String file, byte[] bytes) {
        requireLength(file, bytes.length);
        ByteBuffer all = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        int dataStart = Long.BYTES + headerBytes(file, all.getLong(0), bytes.length);
        SafetensorsHeader header = SafetensorsHeader.parse(
                file, Arrays.copyOfRange(bytes, Long.BYTES, dataStart), bytes.length - (long) dataStart);
        SortedMap<String, Tensor> tensors = new TreeMap<>();
        header.entries().forEach((name, entry) -> {
            DType dtype = DType.of(entry.dtype())
                    .filter(DType::isFloat)
                    .orElseThrow(() -> notFloat(file, name, entry.dtype()));
            // Inside an array, so positions are ints.
            float[] values = new float[(int) entry.bytes() / dtype.bytes()];
            widen(all.position(dataStart + (int) entry.begin()), dtype, values, 0, values.length);
            tensors.put(name, new Tensor(entry.shape(), values));
        });
        return tensors;
    }

    private static WeightsException notFloat(String file, String name, String dtype) {
        return new WeightsException(
                "weights.dtype",
                file + ": tensor '" + name + "' has dtype " + dtype
                        + ", but floating-point values are needed; check that this is the right file");
    }

    private static SafetensorsFile open(Path path, FileChannel channel) throws IOException {
        long size = channel.size();
        requireLength(path.toString(), size);
        ByteBuffer length = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        readFully(channel, length, 0);
        int headerBytes = headerBytes(path.toString(), length.getLong(0), size);
        long dataStart = Long.BYTES + (long) headerBytes;
        ByteBuffer json = ByteBuffer.allocate(headerBytes);
        readFully(channel, json, Long.BYTES);
        SafetensorsHeader header = SafetensorsHeader.parse(path.toString(), json.array(), size - dataStart);
        return new SafetensorsFile(path, channel, header, dataStart);
    }

    private static void requireLength(String file, long size) {
        if (size < Long.BYTES) {
            throw new WeightsException(
                    "weights.damaged",
                    file + ": the file has " + size
                            + " bytes, too few for a safetensors file (8 at least); copy the file again");
        }
    }

    /**
     * Checks the length of the header against the file's.
     *
     * @param stated the file's first 8 bytes
     */
    private static int headerBytes(String file, long stated, long size) {
        if (stated < 2 || stated > MAX_HEADER_BYTES) {
            throw new WeightsException(
                    "weights.format",
                    file + ": the first 8 bytes give a header of "
                            + Long.toUnsignedString(stated) + " bytes, and a safetensors header has 2 to "
                            + MAX_HEADER_BYTES
                            + "; this is another format or the file is damaged, copy the file again");
        }
        if (Long.BYTES + stated > size) {
            throw new WeightsException(
                    "weights.damaged",
                    file + ": the header should end at byte " + (Long.BYTES + stated) + ", but the file ends at " + size
                            + "; the file is incomplete, copy the file again");
        }
        return (int) stated;
    }

    @Override
    public SortedSet<String> names() {
        return new TreeSet<>(header.entries().keySet());
    }

    /** The header's {@code __metadata__}; empty if there is none. */
    public SortedMap<String, String> metadata() {
        return header.metadata();
    }

    /** Element type of a tensor; refuses one that this code does not know. */
    public DType dtype(String name) {
        String spelling = entry(name).dtype();
        return DType.of(spelling)
                .orElseThrow(() -> new WeightsException(
                        "weights.dtype",
                        path + ": tensor '" + name + "' has dtype '" + spelling
                                + "', which cannot be read here; convert the file to F32, F16 or BF16"));
    }

    @Override
    public List<Integer> shape(String name) {
        return entry(name).shape();
    }

    /**
     * One tensor's bytes, mapped: read-only, direct, little-endian, of just that tensor. The mapping lasts until the
     * buffer is garbage; until then the file must not be shortened.
     */
    public ByteBuffer map(String name) {
        SafetensorsHeader.Entry entry = entry(name);
        dtype(name);
        try {
            return channel.map(FileChannel.MapMode.READ_ONLY, dataStart + entry.begin(), lengthOf(name, entry))
                    .order(ByteOrder.LITTLE_ENDIAN);
        } catch (IOException e) {
            throw unreadable(name, e);
        }
    }

    /** {@inheritDoc} Values of F32, F16 and BF16 are exact. */
    @Override
    public float[] floats(String name) {
        SafetensorsHeader.Entry entry = entry(name);
        DType dtype = dtype(name);
        if (!dtype.isFloat()) {
            throw notFloat(path.toString(), name, dtype.name());
        }
        float[] values = new float[lengthOf(name, entry) / dtype.bytes()];
        // Read in pieces, not mapped: a copy is made anyway, and a mapping would linger until a garbage collection.
        ByteBuffer chunk = ByteBuffer.allocate(Math.min(CHUNK_BYTES, lengthOf(name, entry)))
                .order(ByteOrder.LITTLE_ENDIAN);
        try {
            int done = 0;
            while (done < values.length) {
                int now = Math.min(chunk.capacity() / dtype.bytes(), values.length - done);
                chunk.clear().limit(now * dtype.bytes());
                readFully(channel, chunk, dataStart + entry.begin() + (long) done * dtype.bytes());
                widen(chunk.flip(), dtype, values, done, now);
                done += now;
            }
        } catch (IOException e) {
            throw unreadable(name, e);
        }
        return values;
    }

    /** Ends reading; buffers from {@link #map} stay valid. */
    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            throw new UncheckedIOException(path + ": cannot be closed", e);
        }
    }

    private static void widen(ByteBuffer from, DType dtype, float[] to, int offset, int count) {
        switch (dtype) {
            case F32 -> from.asFloatBuffer().get(to, offset, count);
            case F16 -> {
                for (int i = 0; i < count; i++) {
                    to[offset + i] = HalfFloats.fromF16(from.getShort());
                }
            }
            case BF16 -> {
                for (int i = 0; i < count; i++) {
                    to[offset + i] = HalfFloats.fromBf16(from.getShort());
                }
            }
            case F64 -> {
                for (int i = 0; i < count; i++) {
                    to[offset + i] = (float) from.getDouble();
                }
            }
            default -> throw new IllegalStateException(dtype + " is not a float");
        }
    }

    private SafetensorsHeader.Entry entry(String name) {
        SafetensorsHeader.Entry entry = header.entries().get(name);
        if (entry == null) {
            throw new WeightsException(
                    "weights.tensor",
                    path + ": there is no tensor '" + name + "' among the "
                            + header.entries().size() + " in the file; check that this is the right model");
        }
        return entry;
    }

    private int lengthOf(String name, SafetensorsHeader.Entry entry) {
        if (entry.bytes() > Integer.MAX_VALUE) {
            throw new WeightsException(
                    "weights.too-large",
                    path + ": tensor '" + name + "' has " + entry.bytes()
                            + " bytes, and one tensor may have 2147483647 at most; split it or store it as F16");
        }
        return (int) entry.bytes();
    }

    private WeightsException unreadable(String name, IOException e) {
        return new WeightsException(
                "weights.unreadable",
                path + ": tensor '" + name + "' cannot be read (" + e.getMessage()
                        + "); the file changed since it was opened, or the disk fails: copy the file again",
                e);
    }

    private static void readFully(FileChannel channel, ByteBuffer into, long from) throws IOException {
        long position = from;
        while (into.hasRemaining()) {
            int read = channel.read(into, position);
            if (read < 0) {
                throw new EOFException("the file ends at byte " + position);
            }
            position += read;
        }
    }

    private static void closeQuietly(@Nullable FileChannel channel) {
        if (channel == null) {
            return;
        }
        try {
            channel.close();
        } catch (IOException e) {
            // Opening failed already, and its reason is the one to report.
        }
    }
}
