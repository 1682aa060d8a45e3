package org.sparklora.driver.app;

import java.io.IOException;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.model.export.HuggingFaceExport;
import org.sparklora.driver.model.export.MergedWeights;
import org.sparklora.driver.run.history.OutputGuard;
import org.sparklora.driver.run.history.RunDirectory;
import org.sparklora.driver.training.Console;
import org.sparklora.driver.training.ExitCode;
import org.sparklora.driver.training.FinishedRun;
import org.sparklora.driver.training.RunOutput;
import org.sparklora.driver.training.UsageException;
import org.sparklora.worker.safetensors.DType;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code merge}: a run's adapter merged into its base, as a Hugging Face model. */
@Command(
        name = "merge",
        mixinStandardHelpOptions = true,
        description = "Merges a run's adapter into its base model and writes a Hugging Face model directory.")
final class MergeCommand implements Callable<Integer> {

    @Option(names = "--run", required = true, paramLabel = "DIR", description = "The directory of a finished run.")
    private @Nullable String run;

    @Option(
            names = "--output",
            required = true,
            paramLabel = "DIR",
            description = "Where the model goes: a new or an empty directory.")
    private @Nullable String output;

    @Option(names = "--base", paramLabel = "DIR", description = "The base model, where it has moved since the run.")
    private @Nullable String base;

    @Option(
            names = "--dtype",
            paramLabel = "TYPE",
            defaultValue = "float32",
            description = "Element type of the weights: float32 (default) or float16, which takes half the room.")
    private String dtype = "float32";

    @Override
    public Integer call() throws IOException {
        if (run == null || output == null) {
            throw new UsageException("merge needs --run DIR and --output DIR");
        }
        DType type = type();
        RunDirectory target = RunOutput.directory(output);
        OutputGuard.refuseNonEmpty(target);
        FinishedRun finished = FinishedRun.open(RunOutput.directory(run), Optional.ofNullable(base));
        try (MergedWeights model = finished.merged()) {
            HuggingFaceExport.write(target, model, finished.outputs(), type);
            Console.out(
                    "%s: %d LoRA modules merged into their base; the model is in %s",
                    finished.job().name(), model.mergedModules(), target.location());
        }
        return ExitCode.OK.code();
    }

    private DType type() {
        return switch (dtype) {
            case "float32" -> DType.F32;
            case "float16" -> DType.F16;
            default -> throw new UsageException("--dtype '" + dtype + "' is not known; give float32 or float16");
        };
    }
}
