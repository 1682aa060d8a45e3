package org.sparklora.driver.app;

import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.training.Console;
import org.sparklora.driver.training.ExitCode;
import org.sparklora.driver.training.RunOutput;
import org.sparklora.driver.training.UsageException;
import org.sparklora.driver.watch.verify.DecisionReplay;
import org.sparklora.driver.watch.verify.Verdict;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code replay}: whether the recorded decisions about groups are those that the policy takes. */
@Command(
        name = "replay",
        mixinStandardHelpOptions = true,
        description =
                "Takes every freeze and thaw decision of a run again, from its history alone, and reports those that"
                        + " differ. Exit code 0: none, 8: some.")
final class ReplayCommand implements Callable<Integer> {

    @Parameters(index = "0", paramLabel = "RUN", description = "A run directory.")
    private @Nullable String run;

    @Override
    public Integer call() {
        if (run == null) {
            throw new UsageException("replay needs a run directory: replay RUN");
        }
        Verdict verdict = DecisionReplay.of(RunOutput.directory(run));
        verdict.lines().forEach(line -> Console.out("%s", line));
        return (verdict.same() ? ExitCode.OK : ExitCode.VERIFY).code();
    }
}
