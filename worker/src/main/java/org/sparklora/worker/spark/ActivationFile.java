package org.sparklora.worker.spark;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.UUID;
import java.util.concurrent.locks.LockSupport;
import org.apache.spark.SparkEnv;
import org.jspecify.annotations.Nullable;

/**
 * A file without a name for the rows of a shard. It is written first and mapped afterwards: writing to a mapping would kill the
 * process if the disk is full.
 */
final class ActivationFile implements AutoCloseable {

    /** Approximate size of one mapping in bytes; a process may have 65,000 of them. */
    private static final int MAPPING_BYTES = 1 << 23;

    private final long[] start;
    private final FileChannel file;

    /**
     * Creates a file.
     *
     * @param start where each row starts; the last element is the size of the file
     */
    ActivationFile(Path path, long[] start) {
        this.start = start;
        try {
            file = FileChannel.open(
                    path, StandardOpenOption.CREATE_NEW, StandardOpenOption.READ, StandardOpenOption.WRITE);
            // A deleted file is freed with its last mapping, also when the process is killed.
            Files.delete(path);
        } catch (IOException e) {
            throw failed(e);
        }
    }

    /** Creates a file in one of Spark's local directories. */
    static ActivationFile temporary(long[] start) {
        @Nullable SparkEnv env = SparkEnv.get();
        Path path = env == null
                ? Path.of(System.getProperty("java.io.tmpdir"), "activations-" + UUID.randomUUID())
                : env.blockManager()
                        .diskBlockManager()
                        .createTempLocalBlock()
                        ._2()
                        .toPath();
        return new ActivationFile(path, start);
    }

    /** Writes a row. */
    void write(int row, ByteBuffer bytes) {
        long position = start[row];
        for (boolean again = true; bytes.hasRemaining(); ) {
            try {
                position += file.write(bytes, position);
            } catch (IOException e) {
                if (!again || e instanceof ClosedByInterruptException) {
                    throw failed(e);
                }
                // Files of older caches take up disk space until their mappings are garbage collected.
                again = false;
                collectMappings();
            }
        }
    }

    private static void collectMappings() {
        System.gc();
        // The JDK unmaps in another thread, a moment later.
        LockSupport.parkNanos(500_000_000L);
    }

    /** Maps all rows for reading. Call it after the last write. */
    List<ByteBuffer> map() {
        List<ByteBuffer> rows = new ArrayList<>();
        try {
            for (int row = 0; row < start.length - 1; ) {
                long from = start[row];
                int end = row + 1;
                while (end < start.length - 1 && start[end + 1] - from <= MAPPING_BYTES) {
                    end++;
                }
                ByteBuffer mapped = file.map(MapMode.READ_ONLY, from, start[end] - from);
                for (; row < end; row++) {
                    rows.add(mapped.slice((int) (start[row] - from), (int) (start[row + 1] - start[row])));
                }
            }
        } catch (IOException e) {
            throw failed(e);
        }
        return rows;
    }

    private RuntimeException failed(IOException e) {
        if (e instanceof ClosedByInterruptException) {
            return new IllegalStateException("the task was cancelled while it cached activations", e);
        }
        return new CacheStorageException(
                "the activation cache cannot write " + String.format(Locale.ROOT, "%,d", start[start.length - 1])
                        + " bytes of a shard to an executor's disk: " + e.getMessage()
                        + ". Use a larger disk for spark.local.dir, or set"
                        + " execution.activation_cache_type: float16, or execution.activation_cache: off",
                e);
    }

    @Override
    public void close() {
        try {
            file.close();
        } catch (IOException e) {
            // The mappings stay valid, and the file is deleted already.
            throw new IllegalStateException(e);
        }
    }
}
