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
import java.util.List;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeSet;
import org.apache.commons.io.IOUtils;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.contract.ForeignFile;

/**
 * An open safetensors file. The header is read and checked on opening.
 *
 * <p>Files may exceed 2 GiB, a single tensor may not. Buffers from {@link #map} outlive the file. Safe from any thread.
 */
public final class SafetensorsFile implements TensorFile {

    /** Hugging Face's own limit; a length above it is damage, and allocating it would end the process instead. */
    private static final long MAX_HEADER_BYTES = 100_000_000;

    private static final int CHUNK_BYTES = 1 << 18;

    /** The name of the file, for messages. */
    private final String file;

    private final Source source;
    private final SafetensorsHeader header;
    private final long dataStart;

    /** Reads as many bytes as a buffer has room for, from a position of the file on. */
    @FunctionalInterface
    private interface Source {
        void read(ByteBuffer into, long from) throws IOException;
    }

    /** The channel of a file that is open. */
    private record FileSource(FileChannel channel) implements Source {

        @Override
        public void read(ByteBuffer into, long from) throws IOException {
            while (into.hasRemaining()) {
                if (channel.read(into, from + into.position()) < 0) {
                    throw new EOFException("the file ends at byte " + (from + into.position()));
                }
            }
        }
    }

    private SafetensorsFile(String file, Source source, long size) throws IOException {
        this.file = file;
        this.source = source;
        byte[] start = read(0, (int) Math.min(size, ForeignFile.BYTES)).array();
        ForeignFile.of(start).ifPresent(what -> {
            throw new WeightsException("weights.format", file + ": " + what);
        });
        requireLength(file, size);
        ByteBuffer length = read(0, Long.BYTES);
        byte[] json = new byte[headerBytes(file, length.getLong(), size)];
        source.read(ByteBuffer.wrap(json), Long.BYTES);
        this.dataStart = Long.BYTES + (long) json.length;
        this.header = new SafetensorsHeader(file, json, size - dataStart);
    }

    private ByteBuffer read(long from, int count) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(count).order(ByteOrder.LITTLE_ENDIAN);
        source.read(bytes, from);
        return bytes.flip();
    }

    /** Opens a file and checks its header against the file's length; no tensor is read. */
    public static SafetensorsFile open(Path path) {
        @Nullable FileChannel channel = null;
        try {
            channel = FileChannel.open(path, StandardOpenOption.READ);
            return new SafetensorsFile(path.toString(), new FileSource(channel), channel.size());
        } catch (RuntimeException e) {
            IOUtils.closeQuietly(channel);
            throw e;
        } catch (NoSuchFileException e) {
            throw new WeightsException("weights.missing", path + ": there is no such file; check the path", e);
        } catch (IOException e) {
            IOUtils.closeQuietly(channel);
            throw new WeightsException(
                    "weights.unreadable",
                    path + ": cannot be read (" + e.getMessage() + "); check that it is a readable file",
                    e);
        }
    }

    /**
     * Reads a whole file in memory, as a remote file system gives it, with the checks of {@link #open}.
     *
     * @param file its name, for messages
     * @return all tensors as float32, by name
     */
    public static SortedMap<String, Tensor> decode(String file, byte[] bytes) {
        try {
            return new SafetensorsFile(
                            file, (into, from) -> into.put(bytes, (int) from, into.remaining()), bytes.length)
                    .tensors();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
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
                        file + ": tensor '" + name + "' has dtype '" + spelling
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
        if (!(source instanceof FileSource opened)) {
            throw new IllegalStateException(file + " is in memory");
        }
        try {
            return opened.channel
                    .map(FileChannel.MapMode.READ_ONLY, dataStart + entry.begin(), lengthOf(name, entry))
                    .order(ByteOrder.LITTLE_ENDIAN);
        } catch (IOException e) {
            throw unreadable(name, e);
        }
    }

    /** {@inheritDoc} Values of F32, F16 and BF16 are exact. */
    @Override
    public void read(String name, Part into) {
        SafetensorsHeader.Entry entry = entry(name);
        DType dtype = dtype(name);
        if (!dtype.isFloat()) {
            throw new WeightsException(
                    "weights.dtype",
                    file + ": tensor '" + name + "' has dtype " + dtype
                            + ", but floating-point values are needed; check that this is the right file");
        }
        int size = lengthOf(name, entry) / dtype.bytes();
        float[] values = new float[Math.min(size, CHUNK_BYTES / dtype.bytes())];
        try {
            // Read in chunks, not mapped: a copy is made anyway, and a mapping would linger until a garbage collection.
            for (int done = 0; done < size; done += values.length) {
                int count = Math.min(values.length, size - done);
                long from = dataStart + entry.begin() + (long) done * dtype.bytes();
                dtype.read(read(from, count * dtype.bytes()), values, 0, count);
                into.take(values, count);
            }
        } catch (IOException e) {
            throw unreadable(name, e);
        }
    }

    /** Ends reading; buffers from {@link #map} stay valid. */
    @Override
    public void close() {
        try {
            if (source instanceof FileSource opened) {
                opened.channel.close();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(file + ": cannot be closed", e);
        }
    }

    private SafetensorsHeader.Entry entry(String name) {
        SafetensorsHeader.Entry entry = header.entries().get(name);
        if (entry == null) {
            throw new WeightsException(
                    "weights.tensor",
                    file + ": there is no tensor '" + name + "' among the "
                            + header.entries().size() + " in the file; check that this is the right model");
        }
        return entry;
    }

    private int lengthOf(String name, SafetensorsHeader.Entry entry) {
        if (entry.bytes() > Integer.MAX_VALUE) {
            throw new WeightsException(
                    "weights.too-large",
                    file + ": tensor '" + name + "' has " + entry.bytes()
                            + " bytes, and one tensor may have 2147483647 at most; split it or store it as F16");
        }
        return (int) entry.bytes();
    }

    private WeightsException unreadable(String name, IOException e) {
        return new WeightsException(
                "weights.unreadable",
                file + ": tensor '" + name + "' cannot be read (" + e.getMessage()
                        + "); the file changed since it was opened, or the disk fails: copy the file again",
                e);
    }
}
