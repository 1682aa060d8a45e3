package org.sparklora.driver.run.history;

import java.io.IOException;
import java.io.OutputStream;
import java.util.Optional;
import java.util.SortedSet;

/**
 * The directory that a run writes to. Only one process may write at a time.
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
    byte[] read(String name) throws IOException;

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
