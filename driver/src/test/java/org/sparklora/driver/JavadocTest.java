package org.sparklora.driver;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * What has to have a Javadoc: every top-level type of both modules, and in {@code driver.ml}, which is what programs call,
 * every public method. The compiler checks what stands in it (doclint). Lines are looked at, as the formatter leaves them.
 */
class JavadocTest {

    private static final Path ROOT = Path.of(System.getProperty("project.root", ".."));

    private static final Pattern TYPE = Pattern.compile(
            "(public |final |abstract |sealed |non-sealed )*(class|interface|record|enum|@interface) \\w+.*");

    /** A method or constructor that programs may call, with four blanks before it. */
    private static final Pattern MEMBER = Pattern.compile("    (public|protected|default) [^=]*\\(.*");

    private static final Pattern OF_AN_INTERFACE = Pattern.compile("    [A-Z]\\w*(<.*>)? \\w+\\(.*\\);");

    @Test
    void everyTypeSaysWhatItIs() throws IOException {
        List<String> without = new ArrayList<>();
        int types = 0;
        for (Path file : sources("worker/src/main/java", "driver/src/main/java")) {
            List<String> lines = Files.readAllLines(file);
            for (int i = 0; i < lines.size(); i++) {
                if (TYPE.matcher(lines.get(i)).matches()) {
                    types++;
                    // A command says what it does in its annotation, for its --help.
                    if (!documented(lines, i) && lines.stream().noneMatch(line -> line.startsWith("@Command("))) {
                        without.add(ROOT.relativize(file) + ": " + lines.get(i));
                    }
                }
            }
        }
        assertThat(types).isGreaterThan(350);
        assertThat(without).isEmpty();
    }

    @Test
    void everyMethodThatProgramsCallSaysWhatItDoes() throws IOException {
        List<String> without = new ArrayList<>();
        int members = 0;
        for (Path file : sources("driver/src/main/java/org/sparklora/driver/ml")) {
            List<String> lines = Files.readAllLines(file);
            if (lines.stream().noneMatch(line -> line.startsWith("public "))) {
                continue;
            }
            for (int i = 0; i < lines.size(); i++) {
                String line = lines.get(i);
                if (MEMBER.matcher(line).matches()
                        || OF_AN_INTERFACE.matcher(line).matches()) {
                    members++;
                    if (!documented(lines, i) && !lines.get(i - 1).contains("@")) {
                        without.add(file.getFileName() + ": " + line.trim());
                    }
                }
            }
        }
        assertThat(members).isGreaterThan(130);
        assertThat(without).isEmpty();
    }

    private static List<Path> sources(String... folders) throws IOException {
        List<Path> all = new ArrayList<>();
        for (String folder : folders) {
            try (Stream<Path> files = Files.walk(ROOT.resolve(folder))) {
                files.filter(file -> file.toString().endsWith(".java") && !file.endsWith("package-info.java"))
                        .forEach(all::add);
            } catch (UncheckedIOException e) {
                throw e.getCause();
            }
        }
        return all.stream().sorted().toList();
    }

    /** Whether a Javadoc ends above this line, annotations between. */
    private static boolean documented(List<String> lines, int line) {
        int above = line - 1;
        while (above > 0 && lines.get(above).trim().startsWith("@")) {
            above--;
        }
        return above >= 0 && lines.get(above).trim().endsWith("*/");
    }
}
