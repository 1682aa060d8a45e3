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
    SortedSet<String> list() throws IOException;

    /** Names of the files and folders directly inside a folder of this directory; empty if it does not exist. */
    SortedSet<String> list(String folder) throws IOException;

    /** Reads a whole file. */
    byte[] read(String name) throws IOException;

    /** Reads a whole file if it exists. */
    default Optional<byte[]> find(String name) throws IOException {
        return exists(name) ? Optional.of(read(name)) : Optional.empty();
    }

    /** Deletes a file, or a folder with its content. Does nothing if it does not exist. */
    void delete(String name) throws IOException;
}
