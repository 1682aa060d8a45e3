package org.sparklora.driver.cluster;

import java.io.ByteArrayOutputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Abortable;
import org.apache.hadoop.fs.CommonPathCapabilities;
import org.apache.hadoop.fs.DelegateToFileSystem;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileAlreadyExistsException;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.apache.hadoop.fs.StreamCapabilities;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.util.Progressable;

/**
 * A Hadoop file system over local folders that fails when told to. {@code faulty://disk1/a/b} is the local file
 * {@code /a/b}; each authority is a disk of its own, with its own faults.
 *
 * <p>Renames as HDFS does: onto an existing file only through a FileContext with OVERWRITE. As an {@link #objectStore}
 * it has no rename and no append, and shows a file only once its stream is closed, half of it too.
 *
 * <p>{@link #disk} gives a new disk; {@link #SETTINGS} registers the scheme in a Configuration, and with {@code
 * spark.hadoop.} before the keys in Spark, where {@code FileSystem.get} finds the same object by its URI. Faults are set
 * from the test's thread while others write, so they are volatile or guarded.
 */
public final class FaultyFileSystem extends RawLocalFileSystem {

    /** Registers the scheme. */
    public static final Map<String, String> SETTINGS = Map.of(
            "fs.faulty.impl", FaultyFileSystem.class.getName(),
            "fs.AbstractFileSystem.faulty.impl", Context.class.getName());

    /** What can be refused. */
    public enum Operation {
        WRITE,
        RENAME,
        APPEND,
        DELETE
    }

    private static final URI NO_DISK = URI.create("faulty:///");
    private static final AtomicInteger DISKS = new AtomicInteger();

    private URI uri = NO_DISK;
    private final Set<Operation> refused = EnumSet.noneOf(Operation.class);
    private long room = Long.MAX_VALUE;
    private long written;
    private boolean diesWhenFull;
    private boolean dead;
    private volatile boolean objectStore;

    /** A new disk without faults. */
    public static FaultyFileSystem disk() {
        Configuration configuration = new Configuration();
        SETTINGS.forEach(configuration::set);
        URI uri = URI.create("faulty://disk" + DISKS.incrementAndGet() + "/");
        try {
            return (FaultyFileSystem) FileSystem.get(uri, configuration);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The URI of a local folder on this disk. */
    public Path at(java.nio.file.Path folder) {
        return new Path(
                uri.getScheme(), uri.getAuthority(), folder.toAbsolutePath().toString());
    }

    /** After this many more bytes, writing throws "disk full"; all else goes on. */
    public synchronized void room(long bytes) {
        room = bytes;
        diesWhenFull = false;
    }

    /** After this many more bytes every call throws "connection lost": what is there then is what a crash leaves. */
    public synchronized void dieAfter(long bytes) {
        room = bytes;
        diesWhenFull = true;
    }

    public synchronized void refuse(Operation operation) {
        refused.add(operation);
    }

    /** Makes this disk an object store; not to be undone. */
    public FaultyFileSystem objectStore() {
        objectStore = true;
        return this;
    }

    /** Ends all faults; an object store stays one. */
    public synchronized void heal() {
        refused.clear();
        room = Long.MAX_VALUE;
        diesWhenFull = false;
        dead = false;
    }

    /** Bytes written since the disk was made. */
    public synchronized long written() {
        return written;
    }

    private synchronized void check(Operation operation) throws IOException {
        alive();
        if (refused.contains(operation)) {
            throw new IOException(operation.name().toLowerCase(java.util.Locale.ROOT) + " refused");
        }
    }

    private synchronized void alive() throws IOException {
        if (dead) {
            throw new IOException("connection lost");
        }
    }

    /** How many of these bytes still fit. */
    private synchronized int take(int bytes) throws IOException {
        alive();
        int fits = (int) Math.min(room, bytes);
        room -= fits;
        written += fits;
        dead = fits < bytes && diesWhenFull;
        return fits;
    }

    private synchronized IOException full() {
        return new IOException(dead ? "connection lost" : "disk full");
    }

    @Override
    public void initialize(URI name, Configuration configuration) throws IOException {
        super.initialize(name, configuration);
        uri = name.getAuthority() == null ? NO_DISK : URI.create("faulty://" + name.getAuthority() + "/");
    }

    // The superclass asks for both before this class has its fields.
    @Override
    @SuppressWarnings({"NullAway", "ReferenceEquality"})
    public URI getUri() {
        return uri == null ? NO_DISK : uri;
    }

    @Override
    public String getScheme() {
        return "faulty";
    }

    @Override
    public boolean hasPathCapability(Path path, String capability) throws IOException {
        return switch (capability) {
            case CommonPathCapabilities.ABORTABLE_STREAM -> objectStore;
            case CommonPathCapabilities.FS_APPEND -> !objectStore;
            default -> super.hasPathCapability(path, capability);
        };
    }

    @Override
    public FSDataOutputStream create(
            Path f, boolean overwrite, int bufferSize, short replication, long blockSize, Progressable progress)
            throws IOException {
        check(Operation.WRITE);
        return objectStore
                ? object(f, overwrite)
                : super.create(f, overwrite, bufferSize, replication, blockSize, progress);
    }

    @Override
    public FSDataOutputStream create(
            Path f,
            FsPermission permission,
            boolean overwrite,
            int bufferSize,
            short replication,
            long blockSize,
            Progressable progress)
            throws IOException {
        check(Operation.WRITE);
        return objectStore
                ? object(f, overwrite)
                : super.create(f, permission, overwrite, bufferSize, replication, blockSize, progress);
    }

    private FSDataOutputStream object(Path path, boolean overwrite) throws IOException {
        if (!overwrite && exists(path)) {
            throw new FileAlreadyExistsException(path + " exists");
        }
        return new FSDataOutputStream(new StoredObject(pathToFile(path).toPath()), statistics);
    }

    @Override
    public FSDataOutputStream append(Path f, int bufferSize, Progressable progress) throws IOException {
        check(Operation.APPEND);
        if (objectStore) {
            throw new UnsupportedOperationException("append is not supported");
        }
        return super.append(f, bufferSize, progress);
    }

    @Override
    protected OutputStream createOutputStreamWithMode(Path f, boolean append, FsPermission permission)
            throws IOException {
        return new Metered(super.createOutputStreamWithMode(f, append, permission));
    }

    @Override
    public boolean rename(Path from, Path to) throws IOException {
        check(Operation.RENAME);
        if (objectStore) {
            throw new UnsupportedOperationException("rename is not supported");
        }
        return !exists(to) && super.rename(from, to);
    }

    @Override
    public boolean delete(Path path, boolean recursive) throws IOException {
        check(Operation.DELETE);
        return super.delete(path, recursive);
    }

    @Override
    public boolean mkdirs(Path path) throws IOException {
        alive();
        return super.mkdirs(path);
    }

    /** Nothing: no test asks for modes, and the superclass starts a chmod process for every file that it creates. */
    @Override
    public void setPermission(Path path, FsPermission permission) {}

    @Override
    public FileStatus getFileStatus(Path path) throws IOException {
        alive();
        return super.getFileStatus(path);
    }

    @Override
    public FileStatus[] listStatus(Path path) throws IOException {
        alive();
        return super.listStatus(path);
    }

    @Override
    public FSDataInputStream open(Path path, int bufferSize) throws IOException {
        alive();
        return super.open(path, bufferSize);
    }

    private final class Metered extends OutputStream {

        private final OutputStream out;

        Metered(OutputStream out) {
            this.out = out;
        }

        @Override
        public void write(int b) throws IOException {
            write(new byte[] {(byte) b}, 0, 1);
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
            int fits = take(length);
            out.write(bytes, offset, fits);
            if (fits < length) {
                throw full();
            }
        }

        @Override
        public void close() throws IOException {
            out.close();
            alive();
        }
    }

    /** Keeps its bytes until it is closed, like the block buffer of S3A: what was written before a failure as well. */
    private final class StoredObject extends OutputStream implements Abortable, StreamCapabilities {

        private final java.nio.file.Path file;
        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        private final OutputStream metered = new Metered(bytes);
        private boolean done;

        StoredObject(java.nio.file.Path file) {
            this.file = file;
        }

        @Override
        public void write(int b) throws IOException {
            metered.write(b);
        }

        @Override
        public void write(byte[] from, int offset, int length) throws IOException {
            metered.write(from, offset, length);
        }

        @Override
        public void close() throws IOException {
            if (done) {
                return;
            }
            done = true;
            alive();
            java.nio.file.Path folder = file.getParent();
            if (folder == null) {
                throw new FileNotFoundException(file + " is no place for a file");
            }
            Files.createDirectories(folder);
            Files.write(file, bytes.toByteArray());
        }

        @Override
        public AbortableResult abort() {
            boolean before = done;
            done = true;
            return new AbortableResult() {
                @Override
                public boolean alreadyClosed() {
                    return before;
                }

                @Override
                public IOException anyCleanupException() {
                    return new IOException("none");
                }
            };
        }

        @Override
        public boolean hasCapability(String capability) {
            return capability.equals(StreamCapabilities.ABORTABLE_STREAM);
        }
    }

    /** What FileContext uses; only this way a rename replaces a file. */
    public static final class Context extends DelegateToFileSystem {

        /** Called by Hadoop. */
        public Context(URI uri, Configuration configuration) throws IOException, URISyntaxException {
            super(uri, FileSystem.get(uri, configuration), configuration, "faulty", false);
        }

        @Override
        public int getUriDefaultPort() {
            return -1;
        }

        @Override
        public void renameInternal(Path from, Path to, boolean overwrite) throws IOException {
            FaultyFileSystem disk = (FaultyFileSystem) fsImpl;
            disk.check(Operation.RENAME);
            if (!overwrite && disk.exists(to)) {
                throw new FileAlreadyExistsException(to + " exists");
            }
            Files.move(
                    disk.pathToFile(from).toPath(),
                    disk.pathToFile(to).toPath(),
                    java.nio.file.StandardCopyOption.ATOMIC_MOVE,
                    java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        }
    }
}
