package org.sparklora.driver.job.config;

import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.sparklora.driver.job.text.Problems;

/** A file that a user names on the command line. */
public final class TextFile {

    private TextFile() {}

    /**
     * The text of a file; empty when it cannot be read, which becomes a problem.
     *
     * @param kind what the file is, for messages: {@code job file}
     * @param option what names it, for messages: {@code --config}
     */
    public static Optional<String> read(Path file, String kind, String option, Problems problems) {
        if (Files.isDirectory(file)) {
            problems.add("config.file.unreadable", "this is a directory; name the " + kind + " in it");
        } else if (!Files.exists(file)) {
            problems.add("config.file.unreadable", "there is no such file; check the path after " + option);
        } else {
            try {
                return Optional.of(Files.readString(file));
            } catch (CharacterCodingException e) {
                problems.add("config.file.unreadable", "the file is not UTF-8; save it as UTF-8");
            } catch (IOException e) {
                problems.add("config.file.unreadable", "the file cannot be read: " + e);
            }
        }
        return Optional.empty();
    }
}
