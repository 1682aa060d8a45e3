package org.sparklora.worker.spark;

import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.UUID;
import java.util.concurrent.locks.LockSupport;
import org.apache.spark.SparkEnv;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.data.HeapBytes;
import org.sparklora.worker.data.StoredBytes;

/**
 * Bytes in a file without a name, in one of Spark's local directories. The file is deleted once it is open, so the operating
 * system frees it with the last handle, also when the process is killed. Java serialization of a handle includes the bytes.
 *
 * <p>It is read, not mapped: a process may have 65,530 mappings only, and a container manager counts mapped pages as the memory
 * of the process. It is no channel, because an interrupted task would close a channel for all others.
 */
public final class LocalFile implements StoredBytes {

    private static final long serialVersionUID = 1L;

    /** What is smaller stays on the heap: a file for each of a few rows would only cost time. */
    private static final int MAX_HEAP_BYTES = 1 << 20;

    private static final int COPY_BYTES = 1 << 20;

    /** Digest of the cache that this JVM filled last. */
    private static String newestCache = "";

    private final long size;

    // Changed by readObject only.
    private transient RandomAccessFile file;

    LocalFile(Path path, long size) {
        this.size = size;
        this.file = open(path);
    }

    /** Chooses storage for bytes that Spark holds. Our files are plain, so a session that encrypts local disks uses the heap. */
    public static StoredBytes ofSize(long size) {
        @Nullable SparkEnv env = SparkEnv.get();
        boolean encrypted = env != null && env.conf().getBoolean("spark.io.encryption.enabled", false);
        return size <= MAX_HEAP_BYTES || encrypted ? new HeapBytes(size) : temporary(size);
    }

    /** Creates a file for cached activations. The first file of a cache frees those of the caches before it. */
    static LocalFile ofCache(String digest, long size) {
        synchronized (LocalFile.class) {
            if (!newestCache.isEmpty() && !newestCache.equals(digest)) {
                freeDropped();
            }
            newestCache = digest;
        }
        return temporary(size);
    }

    /** Creates a file in one of Spark's local directories. */
    static LocalFile temporary(long size) {
        return new LocalFile(temporary(), size);
    }

    private static Path temporary() {
        @Nullable SparkEnv env = SparkEnv.get();
        return env == null
                ? Path.of(System.getProperty("java.io.tmpdir"), "rows-" + UUID.randomUUID())
                : env.blockManager()
                        .diskBlockManager()
                        .createTempLocalBlock()
                        ._2()
                        .toPath();
    }

    private RandomAccessFile open(Path path) {
        try {
            RandomAccessFile opened = new RandomAccessFile(path.toFile(), "rw");
            Files.delete(path);
            return opened;
        } catch (IOException e) {
            throw failed(e);
        }
    }

    @Override
    public synchronized void write(long position, ByteBuffer source) {
        for (boolean again = true; source.hasRemaining(); again = false) {
            try {
                file.seek(position);
                file.write(source.array(), source.arrayOffset() + source.position(), source.remaining());
                return;
            } catch (IOException e) {
                if (!again) {
                    throw failed(e);
                }
                freeDropped();
            }
        }
    }

    @Override
    public ByteBuffer read(long position, int count) {
        byte[] bytes = new byte[count];
        try {
            synchronized (this) {
                file.seek(position);
                file.readFully(bytes);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return ByteBuffer.wrap(bytes);
    }

    /**
     * Frees the files whose handles Spark has dropped. They take up disk space until the handles are garbage collected, which
     * may be hours later in a large heap.
     */
    static void freeDropped() {
        System.gc();
        // The JDK closes them in another thread, a moment later.
        LockSupport.parkNanos(500_000_000L);
    }

    private RuntimeException failed(IOException e) {
        return new CacheStorageException(
                "an executor's disk does not take " + String.format(Locale.ROOT, "%,d", size)
                        + " bytes of a shard's rows or cached activations: " + e.getMessage()
                        + ". Use a larger disk for spark.local.dir, or set"
                        + " execution.activation_cache_type: float16, or execution.activation_cache: off",
                e);
    }

    private void writeObject(ObjectOutputStream out) throws IOException {
        out.defaultWriteObject();
        for (long at = 0; at < size; at += COPY_BYTES) {
            out.write(read(at, (int) Math.min(COPY_BYTES, size - at)).array());
        }
    }

    private void readObject(ObjectInputStream in) throws IOException, ClassNotFoundException {
        in.defaultReadObject();
        file = open(temporary());
        for (long at = 0; at < size; at += COPY_BYTES) {
            byte[] bytes = new byte[(int) Math.min(COPY_BYTES, size - at)];
            in.readFully(bytes);
            write(at, ByteBuffer.wrap(bytes));
        }
    }
}
