package org.sparklora.driver.job.config;

import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Consumer;

/** A file that a user names on the command line. */
public final class TextFile {

    private TextFile() {}

    /**
     * The text of a file; empty where it cannot be read, which is then a problem.
     *
     * @param kind what the file is, for messages: {@code job file}
     * @param option what names it, for messages: {@code --config}
     */
    public static Optional<String> read(Path file, String kind, String option, Consumer<String> problems) {
        if (Files.isDirectory(file)) {
            problems.accept("this is a directory; name the " + kind + " in it");
        } else if (!Files.exists(file)) {
            problems.accept("there is no such file; check the path after " + option);
        } else {
            try {
                return Optional.of(Files.readString(file));
            } catch (CharacterCodingException e) {
                problems.accept("the file is not UTF-8; save it as UTF-8");
            } catch (IOException e) {
                problems.accept("the file cannot be read: " + e);
            }
        }
        return Optional.empty();
    }
}
