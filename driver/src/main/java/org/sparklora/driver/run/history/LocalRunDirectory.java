package org.sparklora.driver.run.history;

import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Comparator;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A run directory on a local file system. Writes go to a temporary file, which is synced and then moved over the target.
 *
 * <p>Hadoop's local file system would not do: it ignores the process's umask, starts a process to set permissions, and does
 * not sync folders.
 */
public final class LocalRunDirectory implements RunDirectory {

    private final Path root;

    public LocalRunDirectory(Path root) {
        this.root = root;
    }

    @Override
    public String location() {
        return root.toString();
    }

    private Path resolve(String name) {
        return root.resolve(inside(name));
    }

    @Override
    public void write(String name, Content content) {
        Path target = resolve(name);
        try {
            write(target, content);
        } catch (IOException e) {
            throw OutputException.writing(target.toString(), e);
        }
    }

    private static void write(Path target, Content content) throws IOException {
        Path folder = target.resolveSibling(".").normalize();
        Files.createDirectories(folder);
        // Not Files.createTempFile, which restricts permissions to the owner.
        Path temporary = folder.resolve(RunDirectory.temporary(String.valueOf(target.getFileName())));
        try (FileChannel channel = FileChannel.open(
                temporary, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE)) {
            content.writeTo(Channels.newOutputStream(channel));
            channel.force(true);
        } catch (IOException | RuntimeException e) {
            // The file may be large and the disk full.
            deleteQuietly(temporary, e);
            throw e;
        }
        Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        forceFolder(folder);
    }

    private static void deleteQuietly(Path file, Exception reason) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            reason.addSuppressed(e);
        }
    }

    /** Syncs the move. The file's own bytes are on disk already. */
    @SuppressWarnings("EmptyCatch")
    private static void forceFolder(Path folder) {
        try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
            channel.force(true);
        } catch (IOException e) {
            // Windows and some network file systems cannot open folders; the write is complete anyway.
        }
    }

    @Override
    public boolean exists(String name) {
        return Files.exists(resolve(name), LinkOption.NOFOLLOW_LINKS);
    }

    @Override
    public SortedSet<String> list(String name) {
        Path folder = name.isEmpty() ? root : resolve(name);
        if (!Files.exists(folder)) {
            return new TreeSet<>();
        }
        try (Stream<Path> children = Files.list(folder)) {
            return children.map(child -> String.valueOf(child.getFileName()))
                    .filter(child -> !RunDirectory.isTemporary(child))
                    .collect(Collectors.toCollection(TreeSet::new));
        } catch (IOException e) {
            throw OutputException.writing(folder.toString(), e);
        }
    }

    @Override
    public boolean create(String name, byte[] bytes) {
        Path target = resolve(name);
        try {
            Files.createDirectories(target.resolveSibling(".").normalize());
            Files.write(
                    target, bytes, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE, StandardOpenOption.SYNC);
            return true;
        } catch (FileAlreadyExistsException e) {
            return false;
        } catch (IOException e) {
            throw OutputException.writing(target.toString(), e);
        }
    }

    @Override
    public boolean createsAtomically() {
        return true;
    }

    @Override
    public byte[] read(String name, long from, int max) throws IOException {
        try (SeekableByteChannel channel = Files.newByteChannel(resolve(name))) {
            return Channels.newInputStream(channel.position(from)).readNBytes(max);
        }
    }

    @Override
    public void delete(String name) {
        Path target = resolve(name);
        if (!Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        // Files.walk does not follow links, so their targets stay.
        try (Stream<Path> below = Files.walk(target)) {
            List<Path> deepestFirst = below.sorted(Comparator.reverseOrder()).toList();
            for (Path path : deepestFirst) {
                Files.delete(path);
            }
        } catch (IOException e) {
            throw OutputException.writing(target.toString(), e);
        }
    }
}
