package org.sparklora.driver.run.history;

import java.io.IOException;
import java.io.OutputStream;
import java.util.SortedSet;

/**
 * The directory that a run writes; one writer at a time.
 *
 * <p>Names are relative, parts separated by {@code /}, without {@code ..}. What cannot be written is an {@link
 * OutputException} that says where and why.
 */
public interface RunDirectory {

    /** How messages call it: a path or URI. */
    String location();

    /**
     * Writes a whole file, making its folders. A reader sees the old bytes or the new ones, never a mixture; after the
     * return they survive a crash as far as the file system can promise that.
     */
    void write(String name, byte[] bytes) throws IOException;

    /** The same of a file too large to be held in memory: what the content throws leaves no file, and is thrown on. */
    void write(String name, Content content) throws IOException;

    /** What a file is to hold, written once from the beginning to the end. */
    @FunctionalInterface
    interface Content {
        void writeTo(OutputStream out) throws IOException;
    }

    /** Whether a file or folder of this name exists. */
    boolean exists(String name) throws IOException;

    /** Names of the files and folders directly inside; empty when the directory does not exist. */
    SortedSet<String> list() throws IOException;

    /** Names of the files and folders directly inside a folder of this one; empty when there is no such folder. */
    SortedSet<String> list(String folder) throws IOException;

    /** A whole file. */
    byte[] read(String name) throws IOException;

    /** Removes a file, or a folder with all it holds; nothing happens when there is none. */
    void delete(String name) throws IOException;
}
