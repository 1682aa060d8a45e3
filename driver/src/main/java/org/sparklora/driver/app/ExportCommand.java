package org.sparklora.driver.app;

import java.io.IOException;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.model.export.MergedWeights;
import org.sparklora.driver.model.export.Serving;
import org.sparklora.driver.model.export.TorchScriptExport;
import org.sparklora.driver.run.history.OutputGuard;
import org.sparklora.driver.run.history.RunDirectory;
import org.sparklora.driver.training.Console;
import org.sparklora.driver.training.ExitCode;
import org.sparklora.driver.training.FinishedRun;
import org.sparklora.driver.training.RunOutput;
import org.sparklora.driver.training.UsageException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code export}: a run's model for other runtimes. */
@Command(
        name = "export",
        mixinStandardHelpOptions = true,
        description = "Writes a run's model, adapter merged, as a TorchScript archive with what DJL needs to serve it.")
final class ExportCommand implements Callable<Integer> {

    @Option(names = "--run", required = true, paramLabel = "DIR", description = "The directory of a finished run.")
    private @Nullable String run;

    @Option(
            names = "--output",
            required = true,
            paramLabel = "DIR",
            description = "Where the model goes: a new or an empty directory.")
    private @Nullable String output;

    @Option(names = "--format", required = true, paramLabel = "FORMAT", description = "torchscript.")
    private @Nullable String format;

    @Option(names = "--base", paramLabel = "DIR", description = "The base model, where it has moved since the run.")
    private @Nullable String base;

    @Override
    public Integer call() throws IOException {
        if (run == null || output == null || format == null) {
            throw new UsageException("export needs --run DIR, --output DIR and --format torchscript");
        }
        if (!format.equals("torchscript")) {
            throw new UsageException("--format '" + format + "' is not known; give torchscript. For transformers there"
                    + " is the command merge");
        }
        RunDirectory target = RunOutput.directory(output);
        OutputGuard.refuseNonEmpty(target);
        FinishedRun finished = FinishedRun.open(RunOutput.directory(run), Optional.ofNullable(base));
        try (MergedWeights model = finished.merged()) {
            Serving serving = new Serving(
                    finished.job().model().maxLength(),
                    finished.job().data().train().textPair().isPresent());
            TorchScriptExport.write(target, model, finished.outputs(), serving);
            Console.out(
                    "%s: %d LoRA modules merged into their base; the TorchScript model is in %s",
                    finished.job().name(), model.mergedModules(), target.location());
        }
        return ExitCode.OK.code();
    }
}
