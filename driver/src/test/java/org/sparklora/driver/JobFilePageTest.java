package org.sparklora.driver;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.sparklora.driver.job.config.JobKey;
import org.sparklora.driver.job.config.JobKeyTable;
import org.sparklora.driver.job.config.JobSection;

/**
 * The pages in docs list exactly the keys of {@link JobKeyTable}. Each section's table is between two comments, on
 * docs/job-file.md or another page. With the system property {@code pages.write=true} the test writes the tables instead.
 */
class JobFilePageTest {

    private static final Path DOCS = Path.of(System.getProperty("project.root", ".."), "docs");
    private static final String END = "<!-- /keys -->";

    static List<JobSection> sections() {
        return JobKeyTable.sections();
    }

    @ParameterizedTest
    @MethodSource("sections")
    void aPageListsEveryKeyWithItsTypeDefaultMeaningAndResumeRule(JobSection section) throws IOException {
        String begin = "<!-- keys: " + (section.name().isEmpty() ? "job" : section.name()) + " -->\n";
        Path file = pageWith(begin);
        String page = Files.readString(file);
        int from = page.indexOf(begin) + begin.length();
        int to = page.indexOf(END, from);
        assertThat(to).as("%s after %s in %s", END, begin.strip(), file).isNotNegative();
        if (Boolean.getBoolean("pages.write")) {
            Files.writeString(file, page.substring(0, from) + table(section) + page.substring(to));
        } else {
            assertThat(page.substring(from, to))
                    .as("the keys of '%s' in %s; write them again with -Dpages.write=true", section.name(), file)
                    .isEqualTo(table(section));
        }
    }

    @Test
    void everySectionHasAKeyAndEveryKeyAMeaning() {
        assertThat(sections()).allSatisfy(section -> {
            assertThat(section.keys()).as(section.name()).isNotEmpty();
            assertThat(section.keys())
                    .allSatisfy(key -> assertThat(key.meaning()).isNotBlank().doesNotEndWith("."));
        });
    }

    private static Path pageWith(String text) throws IOException {
        List<Path> pages = new ArrayList<>();
        try (Stream<Path> files = Files.list(DOCS)) {
            for (Path file :
                    files.filter(f -> f.toString().endsWith(".md")).sorted().toList()) {
                if (Files.readString(file).contains(text)) {
                    pages.add(file);
                }
            }
        }
        assertThat(pages).as("pages with %s", text.strip()).hasSize(1);
        return pages.get(0);
    }

    private static String table(JobSection section) {
        List<String> lines = new ArrayList<>();
        lines.add("| key | type | default | meaning | on resume |");
        lines.add("|---|---|---|---|---|");
        for (JobKey key : section.keys()) {
            lines.add("| `" + key.name() + "` | " + type(key) + " | " + byDefault(key) + " | " + key.meaning() + " | "
                    + onResume(key) + " |");
        }
        return String.join("\n", lines) + "\n";
    }

    /** The type as messages say it, shorter. */
    private static String type(JobKey key) {
        return key.type()
                .words()
                .replace(" to " + Integer.MAX_VALUE, "")
                .replace("whole number from", "whole number ≥")
                .replace("number of at least", "number ≥")
                .replace("number above", "number >")
                .replace(" and below ", " and < ")
                .replace(" and at most ", " and ≤ ")
                .replaceFirst("^(an?|one of) ", "");
    }

    private static String byDefault(JobKey key) {
        String words = key.absent().words();
        return key.absent().kind() == JobKey.Kind.DEFAULT ? "`" + words + "`" : words;
    }

    /** The rule of a whole section is that of its keys. */
    private static String onResume(JobKey key) {
        boolean isSection = key.absent().words().equals("see below");
        return isSection && key.resume() == JobKey.Resume.FIXED
                ? "see below"
                : key.resume().words();
    }
}
