package org.sparklora.driver.app;

import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.training.Console;
import org.sparklora.driver.training.ExitCode;
import org.sparklora.driver.training.RunOutput;
import org.sparklora.driver.training.UsageException;
import org.sparklora.driver.watch.verify.Comparison;
import org.sparklora.driver.watch.verify.RecordedRun;
import org.sparklora.driver.watch.verify.Verdict;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code verify}: whether two runs are the same, and else where they part. */
@Command(
        name = "verify",
        mixinStandardHelpOptions = true,
        description = "Compares two runs by digest and says first where they part. Exit code 0: the same, 8: not.")
final class VerifyCommand implements Callable<Integer> {

    @Parameters(index = "0", paramLabel = "RUN_A", description = "A run directory.")
    private @Nullable String runA;

    @Parameters(index = "1", paramLabel = "RUN_B", description = "Another run directory.")
    private @Nullable String runB;

    @Override
    public Integer call() {
        Verdict verdict = Comparison.of(read(runA), read(runB));
        verdict.lines().forEach(line -> Console.out("%s", line));
        verdict.notes().forEach(note -> Console.err("note: %s", note));
        return (verdict.same() ? ExitCode.OK : ExitCode.VERIFY).code();
    }

    private static RecordedRun read(@Nullable String run) {
        if (run == null) {
            throw new UsageException("verify needs two run directories: verify RUN_A RUN_B");
        }
        return RecordedRun.read(RunOutput.directory(run));
    }
}
