package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
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

    private Process start(String program, Path... arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of(PYTHON, "-c", program));
        Stream.of(arguments).map(Path::toString).forEach(command::add);
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().put("HF_HUB_OFFLINE", "1");
        return builder.redirectError(ProcessBuilder.Redirect.DISCARD).start();
    }
}
