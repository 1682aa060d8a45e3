package org.sparklora.driver.watch.report;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.sparklora.driver.run.history.LocalRunDirectory;
import org.sparklora.driver.run.history.OutputException;
import org.sparklora.driver.run.history.RunStatus;

class RunReportTest {

    @TempDir
    private Path folder;

    private PageRun run() {
        return new PageRun(folder.resolve("run"));
    }

    /** The visible text. */
    private static String words(String page) {
        return page.replaceAll("(?s)<(style|script|title)\\b.*?</\\1>", " ")
                .replaceAll("<[^>]+>", " ")
                .replaceAll("\\s+", " ");
    }

    @Test
    void thePageShowsTheHistory() {
        String page = words(run().write().page(Language.EN));
        assertThat(page)
                .contains("sentiment finished", "Epochs 6", "Steps 240", "1 min 34 s".replace(' ', '\u00a0'))
                .contains("Training loss " + Formats.number(PageRun.loss(240)))
                .contains("Validation accuracy 0.75 epoch 5")
                .contains("schedule.events[0] before epoch 2")
                .contains("rank 1 (worker-2:4040) is lost")
                .contains("recovered with 3 ranks", "for executors, continued with 2 task slots")
                .contains("executor 3 on 10.0.0.7 lost while caching activations, with 12.5\u00a0s of work", "spot ")
                .contains("for rank 1, which is slow")
                .contains("all-reduce 4.5 s 6.1%".replace("4.5 s", "4.5\u00a0s"))
                .contains("freezing 18\u00a0TFLOP 25.0% 18\u00a0MB")
                .contains("activation cache 6\u00a0TFLOP 8.3%")
                .contains("bert.encoder.layer.3.attention.self.query")
                .contains("ada9".repeat(16), "ba5e".repeat(16), "A processor", "17.0.15");
    }

    @Test
    void everyAxisHasALabelWithItsUnit() {
        String page = run().write().page(Language.EN);
        int charts = page.split("class=\"plot\"", -1).length - 1;
        assertThat(charts).isEqualTo(6);
        assertThat(page.split("<p class=\"ylabel\">[^<]+ \\(", -1).length - 1).isGreaterThanOrEqualTo(3);
        assertThat(page.split("<p class=\"xlabel\">[^<]+</p>", -1).length - 1).isEqualTo(charts + 1);
        assertThat(page)
                .contains("Gradient norm (L2, before clipping)", "Loss (mean per example)", "Learning rate (per step)");
    }

    @ParameterizedTest
    @EnumSource(Language.class)
    void recordedNamesCannotInjectHtml(Language language) {
        PageRun run = run();
        run.purpose = PageRun.HOSTILE;
        run.name = PageRun.HOSTILE.replace("\"", "");
        String page = run.write().page(language);
        assertThat(page).contains("&lt;script&gt;document.title=&#39;owned&#39;&lt;/script&gt;");
        assertThat(page.split("<script", -1)).hasSize(2);
        assertThat(page).doesNotContain("<img").contains("&lt;img src=x");
    }

    @ParameterizedTest
    @EnumSource(Language.class)
    void thePageLoadsNothing(Language language) {
        PageRun run = run();
        run.failures = false; // The message of the failure contains src=.
        String page = run.write().page(language);
        assertThat(page)
                .contains("default-src &#39;none&#39;;")
                .doesNotContainPattern("(?i)https?:|//[a-z]|@import|url\\(|src=");
    }

    @Test
    void theChinesePageHasNoEnglishTexts() {
        String page = run().write().page(Language.ZH);
        assertThat(page).contains("<html lang=\"zh-CN\">");
        String own = page.replaceAll("(?s)<(bdi|code|pre|span)([^>]*) translate=\"no\"[^>]*>.*?</\\1>", " ");
        Set<String> english = new TreeSet<>(MessagesTest.latin(words(own)));
        english.removeIf(MessagesTest::isInternational);
        // Units, their prefixes and UTC are international.
        english.removeAll(Set.of("UTC", "MB", "TFLOP", "GFLOP", "e"));
        assertThat(english).isEmpty();
        assertThat(words(page)).contains("冻结时间线", "已恢复，3 个进程", "跳过的计算");
    }

    @Test
    void thePageOfAnOldHistorySaysWhatIsMissing() throws IOException {
        PageRun run = run();
        run.counted = false;
        run.measured = false;
        run.write();
        Files.delete(run.folder().resolve("manifest.json"));
        Files.delete(run.folder().resolve("config.yaml"));
        String page = words(run.page(Language.EN));
        assertThat(page)
                .contains(
                        "did not measure phases",
                        "training 1\u00a0min\u00a003\u00a0s",
                        "did not count skipped operations")
                .contains("manifest.json is written when the run finishes.")
                .contains("Loss", "Epochs 6");
        assertThat(page).startsWith(" Skip to content run finished");
    }

    @Test
    void aRunThatFailedBeforeItsFirstStepHasAPage() throws IOException {
        LocalRunDirectory directory = new LocalRunDirectory(folder);
        directory.write(
                RunStatus.FILE, RunStatus.failed(3, "train.csv row 7: no label").toJson());
        new RunReport(directory).write(Language.EN);
        assertThat(words(Files.readString(folder.resolve("report.html"))))
                .contains("failed", "train.csv row 7: no label", "No data yet.", "No epoch has started yet.");
    }

    @Test
    void eachLineIsReadOnceAndThePageIsTheSame() throws IOException {
        PageRun whole = run().write();
        List<String> lines = Files.readAllLines(whole.folder().resolve("history.jsonl"));
        LocalRunDirectory growing = new LocalRunDirectory(folder.resolve("growing"));
        RunReport report = new RunReport(growing);
        for (int count : new int[] {0, 1, 70, lines.size()}) {
            growing.write(
                    "history.jsonl",
                    (String.join("\n", lines.subList(0, count)) + (count == 0 ? "" : "\n")).getBytes(UTF_8));
            report.write(Language.EN);
        }
        byte[] history = growing.read("history.jsonl");
        for (String file : List.of("config.yaml", "manifest.json", "status.json")) {
            growing.write(file, whole.directory().read(file));
        }
        report.write(Language.EN);
        String page = new String(growing.read("report.html"), UTF_8);
        assertThat(page)
                .isEqualTo(whole.page(Language.EN).replace(whole.folder().toString(), growing.location()));
        history[lines.get(0).length() + 5] = 0;
        growing.write("history.jsonl", history);
        report.write(Language.EN);
        assertThat(new String(growing.read("report.html"), UTF_8)).isEqualTo(page);
        // The history of a new run that overwrote this one.
        growing.write("history.jsonl", (lines.get(0) + "\n").getBytes(UTF_8));
        report.write(Language.EN);
        assertThat(words(new String(growing.read("report.html"), UTF_8))).contains("Steps 0");
    }

    @Test
    void aHundredThousandStepsAreAPageOfBoundedSize() {
        PageRun run = run();
        run.epochs = 1000;
        run.stepsPerEpoch = 100;
        run.groups = 6;
        run.failures = false;
        String page = run.write().page(Language.EN);
        assertThat(page.getBytes(UTF_8).length).isLessThan(600_000);
        assertThat(words(page)).contains("Steps 100,000", "Every 5th epoch", "mean of several epochs");
    }

    @Test
    void severalRunsAreCompared() {
        PageRun a = run().write();
        PageRun b = new PageRun(folder.resolve("b"));
        b.name = "other";
        b.epochs = 3;
        b.status = RunStatus.cancelled("stopped by hand");
        b.write();
        String page = PageRun.page(List.of(a, b), Language.EN);
        assertThat(words(page))
                .contains("Comparison of 2 runs", "A sentiment finished 6", "B other cancelled 3", "stopped by hand");
        // One loss chart and three metric charts for both runs, and two group charts for each.
        assertThat(page.split("class=\"plot\"", -1).length - 1).isEqualTo(8);
        assertThat(page).contains("data-name=\"A sentiment\"", "data-name=\"B other\"");
    }

    @Test
    void runsOfOneJobAreLabelledWithTheirDirectories() {
        PageRun b = new PageRun(folder.resolve("second try"));
        String page = PageRun.page(List.of(run().write(), b.write()), Language.EN);
        assertThat(words(page)).contains("A sentiment (run)", "B sentiment (second try)");
    }

    @Test
    void aDirectoryWithoutARunOrWithADamagedHistoryIsRefused() throws IOException {
        RunReport none = new RunReport(new LocalRunDirectory(folder.resolve("none")));
        assertThatThrownBy(() -> none.write(Language.EN))
                .isInstanceOf(OutputException.class)
                .hasMessageContainingAll("none", "history.jsonl", "status.json", "[usage.run-missing]");
        LocalRunDirectory damaged = new LocalRunDirectory(folder);
        damaged.write("history.jsonl", "{\"event\":\"run\"}\n{\"event\"\n".getBytes(UTF_8));
        assertThatThrownBy(() -> new RunReport(damaged).write(Language.EN))
                .hasMessageContainingAll("history.jsonl line 2", "[output.damaged]");
    }
}
