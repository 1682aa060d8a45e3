package org.sparklora.driver.sample;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;

/**
 * Writes the sample data set, {@code train.csv} and {@code dev.csv}, into a directory; the build does so for the
 * quickstart.
 *
 * <p>UTF-8, header {@code text,label}, RFC 4180 quoting, lines end in {@code \n}. The bytes are the same each time. A
 * file appears under its name only when complete, so an interrupted build leaves no half file to train on.
 */
public final class SampleData {

    static final long SEED = 1906;
    static final int TRAIN_MESSAGES = 2_560;
    static final int DEV_MESSAGES = 500;

    private SampleData() {}

    /** Writes both files into the directory that is the only argument. */
    public static void main(String[] args) throws IOException {
        if (args.length != 1) {
            throw new IllegalArgumentException(
                    "SampleData wants one argument, the directory to write to; got " + args.length);
        }
        write(Path.of(args[0]));
    }

    /** Writes both files, replacing earlier ones. */
    public static void write(Path directory) throws IOException {
        Files.createDirectories(directory);
        SampleMessages messages = new SampleMessages();
        writeCsv(directory.resolve("train.csv"), messages.generate(SEED, SampleMessages.TRAIN, TRAIN_MESSAGES));
        writeCsv(directory.resolve("dev.csv"), messages.generate(SEED, SampleMessages.DEV, DEV_MESSAGES));
    }

    private static void writeCsv(Path file, List<Message> messages) throws IOException {
        StringBuilder csv = new StringBuilder("text,label\n");
        for (Message message : messages) {
            csv.append(field(message.text()))
                    .append(',')
                    .append(field(message.label()))
                    .append('\n');
        }
        Path part = file.resolveSibling(file.getFileName() + ".part");
        Files.writeString(part, csv, StandardCharsets.UTF_8);
        Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    /** A field as RFC 4180 wants it: quoted only where it must be, quotes doubled. */
    static String field(String value) {
        boolean plain = value.chars().noneMatch(c -> c == ',' || c == '"' || c == '\n' || c == '\r');
        return plain ? value : '"' + value.replace("\"", "\"\"") + '"';
    }
}
