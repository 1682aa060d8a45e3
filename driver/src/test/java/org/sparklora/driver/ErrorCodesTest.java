package org.sparklora.driver;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.sparklora.driver.training.ExitCode;

/** The pages about errors list the error codes of the main code, with the exit codes that the program ends with. */
class ErrorCodesTest {

    private static final Path ROOT = Path.of(System.getProperty("project.root", ".."));
    private static final List<Path> PAGES =
            List.of(ROOT.resolve("docs/errors.md"), ROOT.resolve("docs/errors-of-runs.md"));
    private static final int MAX_BYTES = 12_000;

    /** A string literal that begins as an error code does. */
    private static final Pattern LITERAL = Pattern.compile("\"("
            + "(?:usage|config|manifest|output|settings|data|model|weights|adapter|tokenizer|diverged|cluster|checkpoint|run"
            + "|verify|internal|cancelled)(?:\\.[a-z0-9-]+)+)\"");

    private static final Pattern FILE_NAME =
            Pattern.compile(".*\\.(json|jsonl|yaml|bin|pkl|pt|onnx|onnx_data|safetensors|txt|csv|html|md)");

    /** Literals that look like codes: keys of the job file and of the report page's texts. */
    private static final Set<String> OTHER_KEYS = Set.of(
            "data.train",
            "data.validation",
            "manifest.implicit",
            "manifest.modules",
            "manifest.none",
            "model.max_length",
            "model.path");

    private static final Pattern ROW = Pattern.compile("\\| `([a-z0-9._-]+)` \\| (\\d+) \\| ([^|]+) \\| ([^|]+) \\|");

    @Test
    void thePagesListTheCodesOfTheMainCode() throws IOException {
        assertThat(table().keySet()).isEqualTo(codesInMainCode());
    }

    @Test
    void theFirstPartOfACodeGivesTheExitCode() throws IOException {
        Map<String, Integer> table = table();
        assertThat(table).hasSizeGreaterThan(40);
        table.forEach((code, exit) -> assertThat(ExitCode.ofErrorCode("message [" + code + "]"))
                .as(code)
                .map(ExitCode::code)
                .contains(exit));
    }

    @Test
    void thePagesAreShort() throws IOException {
        for (Path page : PAGES) {
            assertThat(Files.size(page)).as(page.toString()).isLessThanOrEqualTo(MAX_BYTES);
        }
    }

    private static Map<String, Integer> table() throws IOException {
        Map<String, Integer> exitCodes = new TreeMap<>();
        for (Path page : PAGES) {
            for (String line : Files.readAllLines(page)) {
                Matcher row = ROW.matcher(line);
                if (row.matches()) {
                    assertThat(exitCodes.put(row.group(1), Integer.valueOf(row.group(2))))
                            .as("a second row of " + row.group(1))
                            .isNull();
                }
            }
        }
        return exitCodes;
    }

    private static Set<String> codesInMainCode() throws IOException {
        Set<String> codes = new TreeSet<>();
        for (String module : List.of("worker", "driver")) {
            try (Stream<Path> files = Files.walk(ROOT.resolve(module).resolve("src/main/java"))) {
                for (Path file :
                        files.filter(f -> f.toString().endsWith(".java")).toList()) {
                    codes.addAll(codes(file));
                }
            }
        }
        return codes;
    }

    private static Set<String> codes(Path file) throws IOException {
        // The package that reads job files names their keys, such as model.task. Its own codes begin with config.
        boolean namesJobKeys = file.toString().contains("/driver/job/config/");
        return LITERAL.matcher(Files.readString(file))
                .results()
                .map(literal -> literal.group(1))
                .filter(code -> !FILE_NAME.matcher(code).matches() && !OTHER_KEYS.contains(code))
                .filter(code -> !namesJobKeys || code.startsWith("config."))
                .collect(Collectors.toSet());
    }
}
