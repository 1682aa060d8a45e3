package org.sparklora.worker.contract;

import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Optional;

/**
 * Recognizes a file that is not what its name says, by its first bytes: what a clone without Git LFS leaves, or what a browser
 * stores when a download needs a login.
 */
public final class ForeignFile {

    /** Number of first bytes that are enough to recognize a file. */
    public static final int BYTES = 64;

    private ForeignFile() {}

    /**
     * Returns what the file is and what to do, to end a message with; empty if nothing is recognized.
     *
     * @param start the first bytes of the file, {@value #BYTES} or more if it has as many
     */
    public static Optional<String> of(byte[] start) {
        // Each byte is one character, so nothing is replaced.
        String text = new String(start, 0, Math.min(start.length, BYTES), StandardCharsets.ISO_8859_1);
        if (text.startsWith("version https://git-lfs.github.com/spec/")) {
            return Optional.of(
                    "this is a Git LFS pointer, not the file itself; run 'git lfs pull' in the repository that the"
                            + " file comes from, or download the file");
        }
        String markup = text.stripLeading().toLowerCase(Locale.ROOT);
        if (markup.startsWith("<!doctype html") || markup.startsWith("<html")) {
            return Optional.of(
                    "this is a web page, not the file itself; download the file again, with a login if the page"
                            + " asks for one");
        }
        if (text.startsWith("\u001f\u008b")) {
            return Optional.of("this is compressed by gzip; unpack it");
        }
        return Optional.empty();
    }
}
