package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.driver.training.ExitCode;

/** The page that training writes, and the one that the command writes. */
class ReportCommandTest {

    @TempDir
    private Path folder;

    private SmallJob job;

    @BeforeEach
    void openJob() {
        job = new SmallJob(folder);
    }

    private String page() throws IOException {
        return Files.readString(job.output().resolve("report.html"));
    }

    private static TrainingJob.Ended report(String... args) {
        String[] all = new String[args.length + 1];
        all[0] = "report";
        System.arraycopy(args, 0, all, 1, args.length);
        return TrainingJob.run("local[1]", all);
    }

    @Test
    void theCommandWritesTheSamePageAsTheRun() throws IOException {
        TrainingJob.Ended trained = job.train("lora.groups.top.purpose=<script>alert(1)</script> & more");
        assertThat(trained.code()).as(trained.err()).isZero();
        String page = page();
        String sha = TrainingJob.status(job.output()).get("adapter_sha256").asText();
        assertThat(page)
                .contains(
                        sha,
                        "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more",
                        "schedule.events[0]: thaw before epoch 1")
                .contains("class=\"badge finished\"");
        List<JsonNode> ends = TrainingJob.events(job.output(), "epoch_end");
        assertThat(ends).hasSize(2).allSatisfy(end -> {
            JsonNode seconds = end.get("seconds");
            double parts = 0;
            for (String part : List.of("data", "prefix", "forward", "backward", "exchange", "optimizer", "waiting")) {
                parts += seconds.path(part).asDouble();
            }
            assertThat(parts)
                    .isPositive()
                    .isLessThanOrEqualTo(seconds.get("train").asDouble() + 0.01);
            assertThat(end.at("/work/steps").asInt()).isEqualTo(2);
        });
        // Epoch 0 trains only the top group. Epoch 1 trains everything, so it saves nothing.
        assertThat(ends.get(0).at("/work/flops").asDouble())
                .isLessThan(ends.get(0).at("/work/flops_without_freezing").asDouble());
        assertThat(ends.get(1).at("/work/flops")).isEqualTo(ends.get(1).at("/work/flops_without_freezing"));
        long sent = 2
                * TrainingJob.events(job.output(), "epoch_start")
                        .get(0)
                        .get("all_reduce_bytes_per_step")
                        .asLong();
        assertThat(ends.get(0).at("/work/all_reduce_bytes").asLong()).isEqualTo(sent);

        Files.delete(job.output().resolve("report.html"));
        TrainingJob.Ended again = report("--run", job.output().toString());
        assertThat(again.code()).as(again.err()).isZero();
        assertThat(again.out()).isEqualToNormalizingNewlines(job.output() + "/report.html\n");
        assertThat(page()).isEqualTo(page);

        Path compared = folder.resolve("compared.html");
        TrainingJob.Ended several = report(
                "--run",
                job.output().toString(),
                "--run",
                job.output().toString(),
                "--lang",
                "zh",
                "--output",
                compared.toString());
        assertThat(several.code()).as(several.err()).isZero();
        assertThat(Files.readString(compared)).contains("2 次运行对比", "<html lang=\"zh-CN\">");
        assertThat(page()).isEqualTo(page);
    }

    @Test
    void thePageOfADivergedRunShowsTheError() throws IOException {
        TrainingJob.Ended ended = job.train("training.learning_rate=1e30");
        assertThat(ended.code()).isEqualTo(ExitCode.DIVERGED.code());
        assertThat(page()).contains("class=\"badge failed\"", "step 1");
    }

    @Test
    void aPageThatCannotBeWrittenCausesOneWarningAndTheRunContinues() throws IOException {
        Files.createDirectories(job.output().resolve("report.html/in the way"));
        TrainingJob.Ended ended = job.train();
        assertThat(ended.code()).as(ended.err()).isZero();
        assertThat(ended.err().lines().filter(line -> line.contains("report.html") && line.contains("warning")))
                .hasSize(1);
        assertThat(TrainingJob.status(job.output()).get("state").asText()).isEqualTo("finished");
    }

    @Test
    void wrongArgumentsAreRefused() {
        refused("--output", "--run", "a", "--run", "b");
        refused("--lang", "--run", "a", "--lang", "fr");
        refused("--output out/", "--run", "a", "--output", "out/");
        refused("[usage.run-missing]", "--run", "a");
    }

    private static void refused(String fact, String... args) {
        TrainingJob.Ended ended = report(args);
        assertThat(ended.code()).isEqualTo(ExitCode.USAGE.code());
        assertThat(ended.err().lines())
                .singleElement()
                .asString()
                .startsWith("spark-lora: ")
                .contains(fact);
    }
}
