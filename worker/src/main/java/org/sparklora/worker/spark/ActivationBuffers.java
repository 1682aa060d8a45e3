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

/** Writes the chunks of cached activations. Not thread-safe, but the finished chunks are. */
sealed interface ActivationBuffers extends AutoCloseable {

    /** Allocates all chunks of a layout. */
    static ActivationBuffers of(ActivationLayout layout) {
        return layout.storage() == CacheStorage.MEMORY ? new Heap(layout) : MappedFile.temporary(layout);
    }

    /** Writes bytes into a chunk at an offset. */
    void write(int chunk, int offset, ByteBuffer bytes);

    /** Returns all chunks for reading. Call it after the last write. */
    List<ByteBuffer> chunks();

    @Override
    void close();

    /** Arrays on the heap. */
    final class Heap implements ActivationBuffers {

        private final List<ByteBuffer> chunks = new ArrayList<>();

        Heap(ActivationLayout layout) {
            for (int chunk = 0; chunk < layout.chunks(); chunk++) {
                chunks.add(ByteBuffer.allocate(layout.chunkBytes(chunk)));
            }
        }

        @Override
        public void write(int chunk, int offset, ByteBuffer bytes) {
            chunks.get(chunk).put(offset, bytes, bytes.position(), bytes.remaining());
        }

        @Override
        public List<ByteBuffer> chunks() {
            return chunks;
        }

        @Override
        public void close() {}
    }

    /** A file that is written first and mapped afterwards: writing to a mapping would kill the process if the disk is full. */
    final class MappedFile implements ActivationBuffers {

        private final ActivationLayout layout;
        private final FileChannel file;

        /** Creates a file in one of Spark's local directories. */
        static MappedFile temporary(ActivationLayout layout) {
            @Nullable SparkEnv env = SparkEnv.get();
            if (env != null) {
                return new MappedFile(
                        layout,
                        env.blockManager()
                                .diskBlockManager()
                                .createTempLocalBlock()
                                ._2()
                                .toPath());
            }
            return new MappedFile(
                    layout, Path.of(System.getProperty("java.io.tmpdir"), "activations-" + UUID.randomUUID()));
        }

        MappedFile(ActivationLayout layout, Path path) {
            this.layout = layout;
            try {
                file = FileChannel.open(
                        path, StandardOpenOption.CREATE_NEW, StandardOpenOption.READ, StandardOpenOption.WRITE);
                // A deleted file is freed with its last mapping, also when the process is killed.
                Files.delete(path);
            } catch (IOException e) {
                throw failed(e);
            }
        }

        private long start(int chunk) {
            return (long) chunk * layout.vectorsPerChunk() * layout.vectorBytes();
        }

        @Override
        public void write(int chunk, int offset, ByteBuffer bytes) {
            long position = start(chunk) + offset;
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

        @Override
        public List<ByteBuffer> chunks() {
            List<ByteBuffer> mapped = new ArrayList<>();
            try {
                for (int chunk = 0; chunk < layout.chunks(); chunk++) {
                    mapped.add(file.map(MapMode.READ_ONLY, start(chunk), layout.chunkBytes(chunk)));
                }
            } catch (IOException e) {
                throw failed(e);
            }
            return mapped;
        }

        private RuntimeException failed(IOException e) {
            if (e instanceof ClosedByInterruptException) {
                return new IllegalStateException("the task was cancelled while it cached activations", e);
            }
            return new CacheStorageException(
                    "the activation cache cannot write " + String.format(Locale.ROOT, "%,d", layout.bytes())
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
}
