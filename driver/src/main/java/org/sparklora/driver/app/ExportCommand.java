package org.sparklora.driver.app;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.cluster.Locations;
import org.sparklora.driver.model.export.MergedWeights;
import org.sparklora.driver.model.export.OnnxExport;
import org.sparklora.driver.model.export.Serving;
import org.sparklora.driver.model.export.TorchScriptExport;
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

@Command(name = "export", mixinStandardHelpOptions = true)
final class ExportCommand implements Callable<Integer> {

    @Mixin
    private RunOptions run = new RunOptions();

    @Option(names = "--output", required = true, paramLabel = "DIR")
    private String output = "";

    @Option(names = "--format", paramLabel = "FORMAT")
    private @Nullable String format;

    @Option(names = "--dtype", paramLabel = "TYPE", defaultValue = "float32")
    private String dtype = "float32";

    @Override
    public Integer call() throws IOException {
        String wanted = format == null && run.choosesAdapter() ? "peft" : format;
        if (wanted == null || !List.of("torchscript", "onnx", "peft").contains(wanted)) {
            throw new UsageException(
                    "usage.option-value",
                    (wanted == null ? "--format is missing" : "--format '" + wanted + "' is unknown")
                            + "; give torchscript, onnx or peft, or use the command merge for a Hugging Face model");
        }
        DType type = MergeCommand.type(dtype);
        if (type != DType.F32 && !wanted.equals("onnx")) {
            throw new UsageException(
                    "usage.option-value", "--dtype " + dtype + " is for --format onnx; leave it out for " + wanted);
        }
        RunDirectory target = Locations.directory(output);
        OutputGuard.refuseNonEmpty(target);
        TrainedRun trained = run.read();
        if (wanted.equals("peft")) {
            for (Map.Entry<String, byte[]> file : trained.peft().entrySet()) {
                target.write(file.getKey(), file.getValue());
            }
            Console.out("%s: the PEFT adapter is in %s", trained.job().name(), target.location());
            return ExitCode.OK.code();
        }
        try (MergedWeights model = trained.merged()) {
            if (wanted.equals("onnx")) {
                OnnxExport.write(target, model, trained.outputs(), type);
                Console.out(
                        "%s: %d LoRA modules merged; the ONNX model is in %s",
                        trained.job().name(), model.mergedModules(), target.location());
                return ExitCode.OK.code();
            }
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
