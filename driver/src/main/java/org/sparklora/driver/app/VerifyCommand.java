package org.sparklora.driver.app;

import java.util.concurrent.Callable;
import org.sparklora.driver.training.Console;
import org.sparklora.driver.training.ExitCode;
import org.sparklora.driver.watch.verify.Comparison;
import org.sparklora.driver.watch.verify.RecordedRun;
import org.sparklora.driver.watch.verify.Verdict;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

@Command(name = "verify", mixinStandardHelpOptions = true)
final class VerifyCommand implements Callable<Integer> {

    @Parameters(index = "0", paramLabel = "RUN_A")
    private String runA = "";

    @Parameters(index = "1", paramLabel = "RUN_B")
    private String runB = "";

    @Override
    public Integer call() {
        Verdict verdict = Comparison.of(read(runA), read(runB));
        verdict.lines().forEach(line -> Console.out("%s", line));
        verdict.notes().forEach(note -> Console.err("note: %s", note));
        return (verdict.same() ? ExitCode.OK : ExitCode.VERIFY).code();
    }

    private static RecordedRun read(String run) {
        return RecordedRun.read(KeyedRows.ofOneAdapter("verify", run));
    }
}
