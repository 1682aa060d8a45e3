package org.sparklora.driver.app;

import java.util.concurrent.Callable;
import org.sparklora.driver.training.Console;
import org.sparklora.driver.training.ExitCode;
import org.sparklora.driver.watch.verify.DecisionReplay;
import org.sparklora.driver.watch.verify.Verdict;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

@Command(name = "replay", mixinStandardHelpOptions = true)
final class ReplayCommand implements Callable<Integer> {

    @Parameters(index = "0", paramLabel = "RUN")
    private String run = "";

    @Override
    public Integer call() {
        Verdict verdict = DecisionReplay.of(KeyedRows.ofOneAdapter("replay", run));
        verdict.lines().forEach(line -> Console.out("%s", line));
        return (verdict.same() ? ExitCode.OK : ExitCode.VERIFY).code();
    }
}
