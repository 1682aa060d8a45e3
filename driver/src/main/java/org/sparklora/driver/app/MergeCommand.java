package org.sparklora.driver.app;

import java.io.IOException;
import java.util.concurrent.Callable;
import org.sparklora.driver.cluster.Locations;
import org.sparklora.driver.model.export.HuggingFaceExport;
import org.sparklora.driver.model.export.MergedWeights;
import org.sparklora.driver.run.history.OutputGuard;
import org.sparklora.driver.run.history.RunDirectory;
import org.sparklora.driver.training.Console;
import org.sparklora.driver.training.ExitCode;
import org.sparklora.driver.training.TrainedRun;
import org.sparklora.driver.training.UsageException;
import org.sparklora.worker.safetensors.DType;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(name = "merge", mixinStandardHelpOptions = true)
final class MergeCommand implements Callable<Integer> {

    @Mixin
    private RunOptions run = new RunOptions();

    @Option(names = "--output", required = true, paramLabel = "DIR")
    private String output = "";

    @Option(names = "--dtype", paramLabel = "TYPE", defaultValue = "float32")
    private String dtype = "float32";

    @Override
    public Integer call() throws IOException {
        DType type = type(dtype);
        RunDirectory target = Locations.directory(output);
        OutputGuard.refuseNonEmpty(target);
        TrainedRun trained = run.read();
        try (MergedWeights model = trained.merged()) {
            HuggingFaceExport.write(target, model, trained.outputs(), type);
            Console.out(
                    "%s: %d LoRA modules merged; the model is in %s",
                    trained.job().name(), model.mergedModules(), target.location());
        }
        return ExitCode.OK.code();
    }

    /** The element type that {@code --dtype} names. */
    static DType type(String dtype) {
        return switch (dtype) {
            case "float32" -> DType.F32;
            case "float16" -> DType.F16;
            default ->
                throw new UsageException(
                        "usage.option-value", "--dtype '" + dtype + "' is unknown; give float32 or float16");
        };
    }
}
