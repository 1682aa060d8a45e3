package org.sparklora.driver.app;

import java.io.IOException;
import java.util.concurrent.Callable;
import org.sparklora.driver.cluster.Locations;
import org.sparklora.driver.model.export.MergedWeights;
import org.sparklora.driver.model.export.Serving;
import org.sparklora.driver.model.export.TorchScriptExport;
import org.sparklora.driver.run.history.OutputGuard;
import org.sparklora.driver.run.history.RunDirectory;
import org.sparklora.driver.training.Console;
import org.sparklora.driver.training.ExitCode;
import org.sparklora.driver.training.TrainedRun;
import org.sparklora.driver.training.UsageException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(name = "export", mixinStandardHelpOptions = true)
final class ExportCommand implements Callable<Integer> {

    @Mixin
    private RunOptions run = new RunOptions();

    @Option(names = "--output", required = true, paramLabel = "DIR")
    private String output = "";

    @Option(names = "--format", required = true, paramLabel = "FORMAT")
    private String format = "";

    @Override
    public Integer call() throws IOException {
        if (!format.equals("torchscript")) {
            throw new UsageException(
                    "usage.option-value",
                    "--format '" + format
                            + "' is unknown; give torchscript, or use the command merge for a Hugging Face" + " model");
        }
        RunDirectory target = Locations.directory(output);
        OutputGuard.refuseNonEmpty(target);
        TrainedRun trained = run.read();
        try (MergedWeights model = trained.merged()) {
            Serving serving = new Serving(
                    trained.job().model().maxLength(),
                    trained.job().data().train().textPair().isPresent());
            TorchScriptExport.write(target, model, trained.outputs(), serving);
            Console.out(
                    "%s: %d LoRA modules merged; the TorchScript model is in %s",
                    trained.job().name(), model.mergedModules(), target.location());
        }
        return ExitCode.OK.code();
    }
}
