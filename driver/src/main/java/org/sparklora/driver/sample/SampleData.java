package org.sparklora.driver.sample;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import org.sparklora.driver.sample.SampleMessages.LabeledText;

/**
 * Writes the sample data set, {@code train.csv} and {@code dev.csv}. The build runs it for the quickstart.
 *
 * <p>Files are UTF-8 with the header {@code text,label}, RFC 4180 quoting and {@code \n} as line end. The bytes are always
 * the same. A file gets its name only when it is complete, so an interrupted build leaves no partial file.
 */
public final class SampleData {

    static final long SEED = 1906;
    static final int TRAIN_MESSAGES = 2_560;
    static final int DEV_MESSAGES = 500;

    private SampleData() {}

    /** Takes the directory as its only argument. */
    public static void main(String[] args) throws IOException {
        if (args.length != 1) {
            throw new IllegalArgumentException(
                    "SampleData expects one argument, the output directory; got " + args.length);
        }
        write(Path.of(args[0]));
    }

    /** Writes both files and replaces existing ones. */
    public static void write(Path directory) throws IOException {
        Files.createDirectories(directory);
        SampleMessages messages = new SampleMessages();
        writeCsv(directory.resolve("train.csv"), messages.generate(SEED, SampleMessages.TRAIN, TRAIN_MESSAGES));
        writeCsv(directory.resolve("dev.csv"), messages.generate(SEED, SampleMessages.DEV, DEV_MESSAGES));
    }

    private static void writeCsv(Path file, List<LabeledText> examples) throws IOException {
        StringBuilder csv = new StringBuilder("text,label\n");
        for (LabeledText example : examples) {
            csv.append(field(example.text()))
                    .append(',')
                    .append(field(example.label()))
                    .append('\n');
        }
        Path part = file.resolveSibling(file.getFileName() + ".part");
        Files.writeString(part, csv, StandardCharsets.UTF_8);
        Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    /** Encodes a field by RFC 4180: quoted only if necessary, with doubled quotes. */
    static String field(String value) {
        boolean plain = value.chars().noneMatch(c -> c == ',' || c == '"' || c == '\n' || c == '\r');
        return plain ? value : '"' + value.replace("\"", "\"\"") + '"';
    }
}
