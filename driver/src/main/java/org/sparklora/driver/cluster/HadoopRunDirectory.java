package org.sparklora.driver.cluster;

import java.io.EOFException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import org.apache.hadoop.fs.CommonPathCapabilities;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileAlreadyExistsException;
import org.apache.hadoop.fs.FileContext;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Options;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.StreamCapabilities;
import org.apache.hadoop.fs.UnsupportedFileSystemException;
import org.sparklora.driver.run.history.OutputException;
import org.sparklora.driver.run.history.RunDirectory;

/**
 * A run directory on any of Hadoop's file systems: {@code hdfs://}, {@code s3a://} and others.
 *
 * <p>On file systems with atomic renames (HDFS, Azure), a write goes to a temporary file, which then replaces the target. An
 * object store has no atomic rename, but shows an object only when its stream is closed. There the target itself is written,
 * and the stream is aborted on failure. Nothing here appends, since object stores cannot. To write several files that belong
 * together, such as a checkpoint, write the file that makes them valid last.
 *
 * <p>The file system is Hadoop's shared instance, which is not closed here.
 */
public final class HadoopRunDirectory implements RunDirectory {

    /** Stores that show a file when its stream is closed. Azure's connectors rename instead. */
    private static final Set<String> OBJECT_STORES = Set.of("s3a", "s3", "s3n", "gs", "oss", "cosn", "obs");

    private static final String HDFS = "hdfs";

    private final FileSystem fs;
    private final Path root;
    private final boolean shownOnClose;

    /**
     * Opens a run directory.
     *
     * @throws IOException if the file system cannot report its capabilities
     */
    public HadoopRunDirectory(FileSystem fs, Path root) throws IOException {
        this.fs = fs;
        this.root = fs.makeQualified(root);
        this.shownOnClose = OBJECT_STORES.contains(fs.getUri().getScheme())
                || fs.hasPathCapability(this.root, CommonPathCapabilities.ABORTABLE_STREAM);
    }

    @Override
    public String location() {
        return root.toString();
    }

    @Override
    public void write(String name, Content content) {
        Path target = resolve(name);
        try {
            if (shownOnClose) {
                writeObject(target, content);
            } else {
                writeAndMove(target, content);
            }
        } catch (IOException | UnsupportedOperationException e) {
            throw refusal(target, e);
        }
    }

    @SuppressWarnings("MustBeClosedChecker") // try-with-resources would close on failure, see below
    private void writeObject(Path target, Content content) throws IOException {
        FSDataOutputStream out = fs.create(target, true);
        try {
            content.writeTo(out);
        } catch (IOException | RuntimeException | Error e) {
            // Closing would publish a partial file. If the store cannot abort, leaving the stream open does less harm.
            if (out.hasCapability(StreamCapabilities.ABORTABLE_STREAM)) {
                out.abort();
            }
            throw e;
        }
        out.close();
    }

    private void writeAndMove(Path target, Content content) throws IOException {
        // A fixed name, so that a leftover of a crash is overwritten. Only one process writes at a time.
        Path temporary = new Path(target.getParent(), RunDirectory.temporary(target.getName()));
        try {
            try (FSDataOutputStream out = fs.create(temporary, true)) {
                content.writeTo(out);
                if (out.hasCapability(StreamCapabilities.HSYNC)) {
                    out.hsync();
                }
            }
            moveOver(temporary, target);
        } catch (IOException | RuntimeException e) {
            try {
                fs.delete(temporary, false);
            } catch (IOException | RuntimeException suppressed) {
                e.addSuppressed(suppressed);
            }
            throw e;
        }
    }

    private void moveOver(Path temporary, Path target) throws IOException {
        // Suffices for a new file, and on file systems with POSIX renames also for an existing one. HDFS would refuse
        // that, and
        // its name node would log a warning at every commit.
        if (!fs.getUri().getScheme().equals(HDFS) && renamed(temporary, target)) {
            return;
        }
        try {
            // HDFS replaces a file atomically only with this call.
            FileContext.getFileContext(fs.getUri(), fs.getConf()).rename(temporary, target, Options.Rename.OVERWRITE);
        } catch (UnsupportedFileSystemException e) {
            // The file system has no FileContext. A crash between these calls leaves the new content in the temporary
            // file.
            fs.delete(target, false);
            if (!renamed(temporary, target)) {
                throw new IOException("the file system refuses to rename " + temporary.getName(), e);
            }
        }
    }

    private boolean renamed(Path from, Path to) throws IOException {
        try {
            return fs.rename(from, to);
        } catch (FileAlreadyExistsException e) {
            // Some file systems throw instead of returning false.
            return false;
        }
    }

    @Override
    public boolean exists(String name) throws IOException {
        return fs.exists(resolve(name));
    }

    @Override
    public SortedSet<String> list(String name) {
        Path folder = name.isEmpty() ? root : resolve(name);
        SortedSet<String> names = new TreeSet<>();
        try {
            for (FileStatus child : children(folder)) {
                names.add(child.getPath().getName());
            }
        } catch (FileNotFoundException e) {
            return names;
        } catch (IOException e) {
            throw refusal(folder, e);
        }
        names.removeIf(RunDirectory::isTemporary);
        return names;
    }

    private FileStatus[] children(Path folder) throws IOException {
        // Hadoop lists a file as its own only child.
        if (fs.getFileStatus(folder).isFile()) {
            throw new IOException("it is a file, not a directory");
        }
        return fs.listStatus(folder);
    }

    @Override
    public boolean create(String name, byte[] bytes) throws IOException {
        if (shownOnClose) {
            return RunDirectory.super.create(name, bytes);
        }
        Path target = resolve(name);
        try (FSDataOutputStream out = fs.create(target, false)) {
            out.write(bytes);
            return true;
        } catch (IOException e) {
            // File systems say in different ways that a file exists.
            if (fs.exists(target)) {
                return false;
            }
            throw refusal(target, e);
        }
    }

    @Override
    public boolean createsAtomically() {
        return !shownOnClose;
    }

    @Override
    public byte[] read(String name, long from, int max) throws IOException {
        try (FSDataInputStream in = fs.open(resolve(name))) {
            in.seek(from);
            return in.readNBytes(max);
        } catch (EOFException e) {
            // Some file systems do not seek beyond the end.
            return new byte[0];
        }
    }

    @Override
    public void delete(String name) {
        Path target = resolve(name);
        try {
            // False if there was nothing to delete, or on some stores if another client was faster. Both are fine.
            if (!fs.delete(target, true) && fs.exists(target)) {
                throw new IOException("it cannot be deleted");
            }
        } catch (IOException e) {
            throw refusal(target, e);
        }
    }

    private Path resolve(String name) {
        return new Path(root, inside(name));
    }

    private static OutputException refusal(Path path, Exception e) {
        // A remote server's message includes its stack trace.
        String reason = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
        return OutputException.writing(path.toString(), new IOException(reason, e));
    }
}
