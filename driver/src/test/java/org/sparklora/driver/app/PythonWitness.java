package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/**
 * A Python that reads what we write: {@code python3}, or the one that the environment variable PEFT_PYTHON names. Tests that ask
 * for a package are skipped without it.
 */
final class PythonWitness {

    private static final String PYTHON = System.getenv().getOrDefault("PEFT_PYTHON", "python3");

    private PythonWitness() {}

    /** With PyTorch, transformers and PEFT. */
    static PythonWitness withPeft() throws IOException, InterruptedException {
        PythonWitness python = new PythonWitness();
        boolean there;
        try {
            there = python.start("import peft, torch, transformers").waitFor() == 0;
        } catch (IOException e) {
            there = false;
        }
        assumeTrue(there, PYTHON + " with torch, transformers and peft is not installed");
        return python;
    }

    /** What a program prints. */
    String run(String program, Path... arguments) throws IOException, InterruptedException {
        Process process = start(program, arguments);
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(out).isZero();
        return out.strip();
    }

    /** Probabilities by PEFT with the adapter, by transformers with the merged model, and by predict. */
    void requireSameProbabilities(SmallJob job, Path run) throws IOException, InterruptedException {
        Path merged = run.resolveSibling("merged");
        TrainingJob.Ended merge =
                TrainingJob.run("local[1]", "merge", "--run", run.toString(), "--output", merged.toString());
        assertThat(merge.code()).as(merge.err()).isZero();
        Path predicted = run.resolveSibling("predicted");
        TrainingJob.Ended predict = TrainingJob.run(
                "local[1]",
                "predict",
                "--run",
                run.toString(),
                "--input",
                job.trainCsv().toString(),
                "--output",
                predicted.toString());
        assertThat(predict.code()).as(predict.err()).isZero();

        String[] lines = run("""
                        import csv, sys, torch
                        from peft import PeftModel
                        from transformers import AutoModelForSequenceClassification, BertTokenizer
                        model, adapter, merged, rows = sys.argv[1:]
                        read = BertTokenizer.from_pretrained(model)
                        base = AutoModelForSequenceClassification.from_pretrained(
                            model, num_labels=2, problem_type="single_label_classification", ignore_mismatched_sizes=True)
                        ours = [PeftModel.from_pretrained(base, adapter).eval(),
                                AutoModelForSequenceClassification.from_pretrained(merged).eval()]
                        for row in csv.DictReader(open(rows)):
                            batch = read(row["text"], return_tensors="pt")
                            with torch.no_grad():
                                print(*[float(m(**batch).logits.softmax(-1).max()) for m in ours])
                        """, job.model(), run.resolve("adapter"), merged, job.trainCsv())
                .split("\n");
        List<Double> wanted = new ArrayList<>();
        for (Path part : TrainingJob.parts(predicted)) {
            Files.readAllLines(part).stream()
                    .skip(1)
                    .forEach(line -> wanted.add(Double.valueOf(line.substring(line.lastIndexOf(',') + 1))));
        }
        assertThat(lines).hasSize(wanted.size());
        for (int row = 0; row < lines.length; row++) {
            List<Double> found =
                    Arrays.stream(lines[row].split(" ")).map(Double::valueOf).toList();
            for (double probability : found) {
                assertThat(probability).as("row " + row + ": " + found).isCloseTo(wanted.get(row), within(2e-5));
            }
        }
    }

    private Process start(String program, Path... arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of(PYTHON, "-c", program));
        Stream.of(arguments).map(Path::toString).forEach(command::add);
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().put("HF_HUB_OFFLINE", "1");
        return builder.redirectError(ProcessBuilder.Redirect.DISCARD).start();
    }
}
