package org.sparklora.driver.run.history;

import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
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

/** A run directory on a local file system. Writes go to a temporary file, which is synced and then moved over the target. */
public final class LocalRunDirectory implements RunDirectory {

    private static final String TEMPORARY = ".tmp";

    private final Path root;

    public LocalRunDirectory(Path root) {
        this.root = root;
    }

    @Override
    public String location() {
        return root.toString();
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
        // A fixed name, since Files.createTempFile restricts permissions to the owner. The next write replaces what a
        // crash
        // leaves; a run directory has one writer.
        Path temporary = folder.resolve("." + target.getFileName() + TEMPORARY);
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
    public SortedSet<String> list() {
        return list(root);
    }

    @Override
    public SortedSet<String> list(String folder) {
        return list(resolve(folder));
    }

    private static SortedSet<String> list(Path folder) {
        if (!Files.exists(folder)) {
            return new TreeSet<>();
        }
        try (Stream<Path> children = Files.list(folder)) {
            return children.map(child -> String.valueOf(child.getFileName()))
                    .filter(name -> !(name.startsWith(".") && name.endsWith(TEMPORARY)))
                    .collect(Collectors.toCollection(TreeSet::new));
        } catch (IOException e) {
            throw OutputException.writing(folder.toString(), e);
        }
    }

    @Override
    public byte[] read(String name) throws IOException {
        return Files.readAllBytes(resolve(name));
    }

    @Override
    public void delete(String name) {
        Path target = resolve(name);
        try {
            delete(target);
        } catch (IOException e) {
            throw OutputException.writing(target.toString(), e);
        }
    }

    private static void delete(Path target) throws IOException {
        if (!Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        List<Path> all;
        // Files.walk does not follow links, so their targets stay.
        try (Stream<Path> below = Files.walk(target)) {
            all = below.sorted(Comparator.reverseOrder()).toList();
        }
        for (Path path : all) {
            Files.delete(path);
        }
    }

    private Path resolve(String name) {
        Path relative = Path.of(name);
        if (name.isEmpty()
                || relative.isAbsolute()
                || !relative.normalize().equals(relative)
                || name.startsWith("..")) {
            throw new IllegalArgumentException("'" + name + "' is not a name inside the run directory " + root);
        }
        return root.resolve(relative);
    }
}
