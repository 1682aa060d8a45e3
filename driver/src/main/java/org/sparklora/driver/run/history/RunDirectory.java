package org.sparklora.driver.run.history;

import java.io.IOException;
import java.io.OutputStream;
import java.util.Optional;
import java.util.SortedSet;

/**
 * The directory that a run writes to. Only one process may write at a time; {@link LeasedRunDirectory} sees to that.
 *
 * <p>Names are relative, with {@code /} between their parts and without {@code ..}. Failed writes throw an {@link
 * OutputException} with the path and the reason.
 */
public interface RunDirectory {

    /** The path or URI, for messages. */
    String location();

    /**
     * Writes a whole file and creates its folders. Readers see either the old or the new bytes. Once this returns, the file
     * survives a crash as far as the file system guarantees it.
     */
    default void write(String name, byte[] bytes) throws IOException {
        write(name, out -> out.write(bytes));
    }

    /** Writes a file that is too large for memory. If {@code content} throws, the previous file is unchanged. */
    void write(String name, Content content) throws IOException;

    /** Writes the content of a file from beginning to end. */
    @FunctionalInterface
    interface Content {
        void writeTo(OutputStream out) throws IOException;
    }

    /**
     * Writes a small file unless one of this name exists. Two processes never both succeed where {@link #createsAtomically};
     * elsewhere the later content stays. Unlike {@link #write}, a crash may leave a part of the content.
     *
     * @return whether this call created the file
     */
    default boolean create(String name, byte[] bytes) throws IOException {
        if (exists(name)) {
            return false;
        }
        write(name, bytes);
        return true;
    }

    /** Whether the file system creates a file only if it does not exist, in one step. Object stores do not. */
    default boolean createsAtomically() {
        return false;
    }

    /** Tells apart the processes that write here one after the other: the later has the higher number. 0 without a lease. */
    default int fencingNumber() throws IOException {
        return 0;
    }

    /** Whether a file or folder of this name exists. */
    boolean exists(String name) throws IOException;

    /** Names of the files and folders directly inside; empty if the directory does not exist. */
    default SortedSet<String> list() throws IOException {
        return list("");
    }

    /**
     * Names of the files and folders directly inside a folder; empty if it does not exist.
     *
     * @param folder in this directory; an empty name is the directory itself
     */
    SortedSet<String> list(String folder) throws IOException;

    /** Reads a whole file. */
    default byte[] read(String name) throws IOException {
        return read(name, 0, Integer.MAX_VALUE);
    }

    /**
     * Reads a part of a file: fewer bytes than {@code max} if the file ends before, none if it ends before {@code from}.
     *
     * @param from position of the first byte
     */
    byte[] read(String name, long from, int max) throws IOException;

    /** Reads a whole file if it exists. */
    default Optional<byte[]> find(String name) throws IOException {
        return exists(name) ? Optional.of(read(name)) : Optional.empty();
    }

    /** Refuses a name that would lead out of the directory. */
    default String inside(String name) {
        for (String part : name.split("/", -1)) {
            if (part.isEmpty() || part.equals(".") || part.equals("..")) {
                throw new IllegalArgumentException(
                        "'" + name + "' is not a name inside the run directory " + location());
            }
        }
        return name;
    }

    /** The name under which a file is written before it replaces the target. */
    static String temporary(String file) {
        return "." + file + ".tmp";
    }

    /** Whether a file is what a crash left of a write. Such a file is not listed, and the next write replaces it. */
    static boolean isTemporary(String file) {
        return file.startsWith(".") && file.endsWith(".tmp");
    }

    /** Deletes a file, or a folder with its content. Does nothing if it does not exist. */
    void delete(String name) throws IOException;
}
