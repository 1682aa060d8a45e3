package org.sparklora.driver;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.driver.DocumentationPage.Block;
import org.sparklora.driver.DocumentationPage.Link;
import org.sparklora.driver.job.config.ConfigException;
import org.sparklora.driver.job.config.JobFile;
import org.sparklora.driver.job.config.SweepFile;

/**
 * Keeps README.md, ARCHITECTURE.md and the pages of {@code docs} short, linked and true.
 *
 * <p>Every block of bash, Java or Scala has a comment in the line before it: {@code <!-- test: ClassName -->} names the test
 * that runs it, {@code <!-- not run: reason -->} says why none does. Blocks marked {@code ReadmeIT} are run as they are
 * printed. A YAML block whose first line is {@code # NAME.yaml} is a whole job file.
 */
class DocumentationTest {

    private static final Set<String> PROGRAMS = Set.of("bash", "java", "scala");
    private static final Set<String> DATA = Set.of("", "yaml", "json", "properties");

    private static final Pattern JOB_FILE = Pattern.compile("# [\\w-]+\\.yaml");
    private static final Pattern IN_BACKTICKS = Pattern.compile("`(\\w*)(?:\\.(\\w+))?`");
    private static final Pattern TEST_CLASS = Pattern.compile("[A-Z]\\w*(Test|IT|Contract)");

    private static List<DocumentationPage> pages = List.of();

    /** The source of each class of the tests, by simple name. */
    private static final Map<String, String> TESTS = new HashMap<>();

    @TempDir
    private Path folder;

    @BeforeAll
    static void read() throws IOException {
        pages = DocumentationPage.all();
        for (String sources : List.of("worker/src/test/java", "driver/src/test/java")) {
            try (Stream<Path> files = Files.walk(DocumentationPage.ROOT.resolve(sources))) {
                for (Path file :
                        files.filter(path -> path.toString().endsWith(".java")).toList()) {
                    String name = String.valueOf(file.getFileName());
                    TESTS.put(name.substring(0, name.length() - ".java".length()), Files.readString(file));
                }
            }
        }
    }

    @Test
    void pagesAreShort() throws IOException {
        List<String> tooLong = new ArrayList<>();
        for (DocumentationPage page : pages) {
            long limit = page.name().equals("ARCHITECTURE.md") ? 10_000 : 12_000;
            long size = Files.size(DocumentationPage.ROOT.resolve(page.name()));
            if (size > limit) {
                tooLong.add(page + " has " + size + " bytes; the limit is " + limit);
            }
        }
        assertThat(pages).hasSizeGreaterThan(10);
        assertThat(tooLong).isEmpty();
    }

    @Test
    void everyProgramIsRunByATestOrMarkedAsNotRun() {
        List<String> problems = new ArrayList<>();
        int programs = 0;
        for (DocumentationPage page : pages) {
            for (Block block : page.blocks()) {
                if (PROGRAMS.contains(block.language())) {
                    programs++;
                    if (block.tests().isEmpty() && !block.isNotRun()) {
                        problems.add(block.where() + ": no mark in the line before: <!-- test: ClassName --> or"
                                + " <!-- not run: reason -->");
                    }
                    block.tests().stream()
                            .filter(test -> !exists(test))
                            .forEach(test -> problems.add(block.where() + ": there is no test " + test));
                } else if (!DATA.contains(block.language())) {
                    problems.add(block.where() + ": language '" + block.language() + "' is neither one of " + PROGRAMS
                            + " nor of " + DATA);
                }
            }
        }
        assertThat(programs).isGreaterThan(20);
        assertThat(problems).isEmpty();
    }

    @Test
    void everyLinkLeadsSomewhere() throws IOException {
        Map<String, Set<String>> anchors = new HashMap<>();
        pages.forEach(page -> anchors.put(page.name(), page.anchors()));
        List<String> problems = new ArrayList<>();
        int links = 0;
        for (DocumentationPage page : pages) {
            for (Link link : page.links()) {
                if (link.target().matches("https?://.*")) {
                    continue;
                }
                links++;
                String[] parts = link.target().split("#", 2);
                String target = parts[0].isEmpty()
                        ? page.name()
                        : Path.of(page.name())
                                .resolveSibling(parts[0])
                                .normalize()
                                .toString();
                if (!Files.exists(DocumentationPage.ROOT.resolve(target))) {
                    problems.add(link.where() + ": there is no file " + target);
                } else if (parts.length == 2
                        && !anchors.getOrDefault(target, Set.of()).contains(parts[1])) {
                    problems.add(link.where() + ": " + target + " has no heading #" + parts[1]);
                }
            }
        }
        assertThat(links).isGreaterThan(40);
        assertThat(problems).isEmpty();
    }

    @Test
    void everyPromiseHasATestThatExists() {
        DocumentationPage promises = pages.stream()
                .filter(page -> page.name().equals("docs/PROMISES.md"))
                .findFirst()
                .orElseThrow();
        List<String> problems = new ArrayList<>();
        int tests = 0;
        for (int i = 0; i < promises.lines().size(); i++) {
            String type = "";
            Matcher named = IN_BACKTICKS.matcher(promises.lines().get(i));
            while (named.find()) {
                // `.method` alone is a method of the test named before it.
                type = named.group(1).isEmpty() ? type : named.group(1);
                if (TEST_CLASS.matcher(type).matches()) {
                    tests++;
                    String test = named.group(2) == null ? type : type + "." + named.group(2);
                    if (!exists(test)) {
                        problems.add(promises + ":" + (i + 1) + ": there is no test " + test);
                    }
                }
            }
        }
        assertThat(tests).isGreaterThan(50);
        assertThat(problems).isEmpty();
    }

    @Test
    void wholeJobFilesAreValid() throws IOException {
        List<String> problems = new ArrayList<>();
        int jobs = 0;
        for (DocumentationPage page : pages) {
            for (Block block : page.blocks()) {
                if (isJobFile(block)) {
                    jobs++;
                    String text = block.text().replace("conf/", DocumentationPage.ROOT.resolve("conf") + "/");
                    Path file = Files.writeString(folder.resolve("job" + jobs + ".yaml"), text);
                    try {
                        if (SweepFile.isSweep(file)) {
                            SweepFile.read(file, List.of(), Optional.empty());
                        } else {
                            JobFile.read(file, List.of(), Optional.empty());
                        }
                    } catch (ConfigException e) {
                        problems.add(block.where() + ": " + e.getMessage());
                    }
                }
            }
        }
        assertThat(jobs).isGreaterThan(1);
        assertThat(problems).isEmpty();
    }

    /** Whether a block is a job file to be saved under the name in its first line. */
    private static boolean isJobFile(Block block) {
        return block.language().equals("yaml")
                && !block.code().isEmpty()
                && JOB_FILE.matcher(block.code().get(0)).matches();
    }

    /** Whether the tests have a class, or a class with a method: {@code ClassName} or {@code ClassName.method}. */
    private static boolean exists(String test) {
        int dot = test.indexOf('.');
        String source = TESTS.get(dot < 0 ? test : test.substring(0, dot));
        return source != null && (dot < 0 || source.contains(" " + test.substring(dot + 1) + "("));
    }
}
