package org.sparklora.driver.app;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

/** {@code doctor}: checks what a run needs and says what to fix. */
@Command(
        name = "doctor",
        mixinStandardHelpOptions = true,
        description = "Checks Java, Spark, natives, memory and settings, and says what to fix.")
final class DoctorCommand implements Callable<Integer> {

    @Override
    public Integer call() {
        return Doctor.examine(System.out) ? ExitCode.OK.code() : ExitCode.USAGE.code();
    }
}
