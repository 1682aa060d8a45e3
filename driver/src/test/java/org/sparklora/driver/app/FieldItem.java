package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;
import org.sparklora.driver.app.TrainingJob.Ended;

/** Trains jobs of the folder of field inputs: small inputs that trip people. */
final class FieldItem {

    static final Path FIELD =
            TrainingJob.ROOT.resolve("../shared/field").toAbsolutePath().normalize();

    private static final Pattern PATH = Pattern.compile("(path|init_adapter): ([^,}\\s]+)");

    private final Path folder;
    private int runs;

    /** A test's own folder; skips the test where the field inputs are missing. */
    FieldItem(Path folder) {
        this.folder = folder;
        assumeTrue(Files.isDirectory(FIELD), "skipped: no folder of field inputs beside the project");
    }

    /** Trains a job of an item, whose paths are relative to the item's folder. ITEM in an override is that folder. */
    Run train(String item, String file, String... overrides) throws IOException {
        Path at = FIELD.resolve(item);
        String job = PATH.matcher(Files.readString(at.resolve(file)))
                .replaceAll(found -> found.group(1) + ": " + linked(at.resolve(found.group(2))));
        runs++;
        Path written = Files.writeString(folder.resolve("job-" + runs + ".yaml"), job);
        Path output = folder.resolve("run-" + runs);
        String[] set = Arrays.stream(overrides)
                .map(override -> override.replace("ITEM", at.toString()))
                .toArray(String[]::new);
        return new Run(TrainingJob.train("local[2]", written, output, set), output);
    }

    /** Items share models: a file in place of a folder names another folder. */
    private static Path linked(Path path) {
        try {
            boolean link = path.getFileName().toString().equals("model") && Files.isRegularFile(path);
            return link ? path.resolveSibling(Files.readString(path).strip()).normalize() : path;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** How a run ended, and its directory. */
    record Run(Ended ended, Path output) {

        Run trained(String... facts) {
            assertThat(ended.code()).as(ended.err()).isZero();
            List.of(facts).forEach(fact -> assertThat(ended.err()).contains(fact));
            return this;
        }

        void refused(int code, String... facts) {
            assertThat(ended.code()).as(ended.out() + ended.err()).isEqualTo(code);
            List.of(facts).forEach(fact -> assertThat(ended.err()).contains(fact));
            assertThat(ended.err()).doesNotContain("defect", "\tat ", "cluster failed");
        }

        byte[] adapter() throws IOException {
            return Files.readAllBytes(output.resolve("adapter/adapter_model.safetensors"));
        }
    }
}
