package org.sparklora.driver;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.sparklora.driver.job.config.JobKey;
import org.sparklora.driver.job.config.JobKeyTable;
import org.sparklora.driver.job.config.JobSection;

/**
 * docs/job-file.md lists exactly the keys of {@link JobKeyTable}. Each section's table is between two comments. With the
 * system property {@code pages.write=true} the test writes the tables into the page instead.
 */
class JobFilePageTest {

    private static final Path PAGE =
            Path.of(System.getProperty("project.root", ".."), "docs", "job-file.md").toAbsolutePath();

    @Test
    void thePageListsEveryKeyWithItsTypeDefaultMeaningAndResumeRule() throws IOException {
        String page = Files.readString(PAGE);
        String expected = page;
        for (JobSection section : JobKeyTable.sections()) {
            expected = withTable(expected, section);
        }
        if (Boolean.getBoolean("pages.write")) {
            Files.writeString(PAGE, expected);
        } else {
            assertThat(page)
                    .as("%s differs from the table of keys; write it again with -Dpages.write=true", PAGE)
                    .isEqualTo(expected);
        }
    }

    @Test
    void everySectionHasAKeyAndEveryKeyAMeaning() {
        assertThat(JobKeyTable.sections()).allSatisfy(section -> {
            assertThat(section.keys()).as(section.name()).isNotEmpty();
            assertThat(section.keys())
                    .allSatisfy(key -> assertThat(key.meaning()).isNotBlank().doesNotEndWith("."));
        });
    }

    private static String withTable(String page, JobSection section) {
        String name = section.name().isEmpty() ? "job" : section.name();
        String begin = "<!-- keys: " + name + " -->\n";
        String end = "<!-- /keys -->";
        int from = page.indexOf(begin);
        int to = page.indexOf(end, Math.max(0, from));
        assertThat(from).as("place of the keys of '%s' in %s", name, PAGE).isNotNegative();
        assertThat(to).as("end of the keys of '%s' in %s", name, PAGE).isNotNegative();
        return page.substring(0, from + begin.length()) + table(section) + page.substring(to);
    }

    private static String table(JobSection section) {
        List<String> lines = new ArrayList<>();
        lines.add("| key | type | default | meaning | may change on resume |");
        lines.add("|---|---|---|---|---|");
        for (JobKey<?> key : section.keys()) {
            lines.add("| `" + key.name() + "` | " + type(key) + " | " + byDefault(key) + " | " + key.meaning() + " | "
                    + onResume(key) + " |");
        }
        return String.join("\n", lines) + "\n";
    }

    /** The type as messages say it, shorter. */
    private static String type(JobKey<?> key) {
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

    private static String byDefault(JobKey<?> key) {
        String words = key.absent().words();
        return key.absent().kind() == JobKey.Kind.DEFAULT ? "`" + words + "`" : words;
    }

    /** The rule of a whole section is that of its keys. */
    private static String onResume(JobKey<?> key) {
        boolean isSection = key.absent().words().equals("see below");
        return isSection && key.resume() == JobKey.Resume.FIXED
                ? "see below"
                : key.resume().words();
    }
}
