package org.sparklora.worker.encoder;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What shows cheaply that a file is still the same.
 *
 * @param key device and inode; null on file systems without them
 */
record FileStamp(
        Path file, long size, FileTime modified, @Nullable Object key) {

    /** A file that was written so recently may be written again without a later time. */
    private static final long YOUNG_MILLIS = 3_000;

    /** The stamp of a file now. */
    static FileStamp of(Path file) {
        try {
            BasicFileAttributes now = Files.readAttributes(file, BasicFileAttributes.class);
            return new FileStamp(file, now.size(), now.lastModifiedTime(), now.fileKey());
        } catch (IOException e) {
            throw new ModelException("model.unreadable", file + " cannot be read: " + e + "; check its permissions", e);
        }
    }

    /** The stamps of files now. */
    static List<FileStamp> of(List<Path> files) {
        return files.stream().map(FileStamp::of).toList();
    }

    /** Whether nothing shows a change. */
    boolean isCurrent() {
        return Files.exists(file) && equals(of(file));
    }

    /** Whether no other file took this one's place. */
    boolean isInPlace() {
        return Files.exists(file) && Objects.equals(key, of(file).key);
    }

    /** Whether the file may change without another stamp. */
    boolean isYoung() {
        return System.currentTimeMillis() - modified.toMillis() < YOUNG_MILLIS;
    }
}
