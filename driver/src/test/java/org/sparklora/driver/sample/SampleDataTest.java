package org.sparklora.driver.sample;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SampleDataTest {

    @Test
    void writesTheSameBytesEachTimeAndNothingElse(@TempDir Path directory)
            throws IOException, NoSuchAlgorithmException {
        Path first = directory.resolve("new/first");
        Path second = directory.resolve("second");
        SampleData.main(new String[] {first.toString()});
        SampleData.main(new String[] {second.toString()});
        SampleData.main(new String[] {second.toString()});
        for (String file : List.of("train.csv", "dev.csv")) {
            assertThat(sha256(second.resolve(file))).isEqualTo(sha256(first.resolve(file)));
        }
        try (Stream<Path> files = Files.list(second)) {
            assertThat(files.map(file -> file.getFileName().toString()))
                    .containsExactlyInAnyOrder("train.csv", "dev.csv");
        }
    }

    @Test
    void startsWithTheHeaderAndHasOneLinePerMessage(@TempDir Path directory) throws IOException {
        SampleData.write(directory);
        List<String> lines = Files.readAllLines(directory.resolve("train.csv"));
        assertThat(lines.get(0)).isEqualTo("text,label");
        assertThat(lines).hasSize(SampleData.TRAIN_MESSAGES + 1);
        assertThat(lines).anyMatch(line -> line.startsWith("\"") && line.contains("\"\""));
    }

    @Test
    void quotesAFieldOnlyWhereItMust() {
        assertThat(SampleData.field("plain words.")).isEqualTo("plain words.");
        assertThat(SampleData.field("one, two")).isEqualTo("\"one, two\"");
        assertThat(SampleData.field("he said \"no\"")).isEqualTo("\"he said \"\"no\"\"\"");
    }

    @Test
    void asksForADirectory() {
        assertThatThrownBy(() -> SampleData.main(new String[0]))
                .hasMessageContainingAll("directory", "got 0");
    }

    private static String sha256(Path file) throws IOException, NoSuchAlgorithmException {
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file)));
    }
}
