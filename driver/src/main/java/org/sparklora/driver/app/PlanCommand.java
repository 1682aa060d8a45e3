package org.sparklora.driver.app;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.job.config.JobConfig;
import org.sparklora.driver.job.fts.FtsConversion;
import org.sparklora.driver.job.fts.FtsModel;
import org.sparklora.driver.job.fts.FtsSchedule;
import org.sparklora.driver.job.plan.KeyedPlan;
import org.sparklora.driver.job.plan.PlanJson;
import org.sparklora.driver.job.plan.PlanText;
import org.sparklora.driver.job.plan.RunPlan;
import org.sparklora.driver.training.Console;
import org.sparklora.driver.training.ExitCode;
import org.sparklora.driver.training.JobModel;
import org.sparklora.driver.training.JobPlan;
import org.sparklora.driver.training.UsageException;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.encoder.Encoder;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(name = "plan", mixinStandardHelpOptions = true)
final class PlanCommand implements Callable<Integer> {

    @Option(names = "--config", paramLabel = "FILE")
    private @Nullable Path config;

    @Mixin
    private JobOverrides overrides = new JobOverrides();

    @Option(names = "--json")
    private boolean json;

    @Option(names = "--from-fts", paramLabel = "FILE")
    private @Nullable Path fts;

    @Option(names = "--model", paramLabel = "DIR")
    private @Nullable String model;

    @Override
    public Integer call() throws IOException {
        if (fts != null) {
            convert(fts);
        } else if (model != null) {
            throw new UsageException(
                    "usage.options-conflict", "--model works only with --from-fts; a plan uses the model of --config");
        } else if (config == null) {
            throw new UsageException("usage.option-missing", "plan needs --config FILE or --from-fts FILE");
        } else {
            JobConfig job = overrides.readWithoutOutput(config);
            if (job.data().keyed().adapter().isPresent()) {
                print(JobPlan.keyed(job));
            } else {
                print(JobPlan.of(job));
            }
        }
        return ExitCode.OK.code();
    }

    private void print(KeyedPlan plan) {
        if (json) {
            Console.out("%s", plan.json());
        } else {
            plan.text().forEach(line -> Console.out("%s", line));
        }
    }

    private void print(RunPlan plan) {
        if (json) {
            Console.out("%s", PlanJson.of(plan));
        } else {
            PlanText.of(plan).forEach(line -> Console.out("%s", line));
        }
    }

    private void convert(Path file) {
        if (json) {
            throw new UsageException("usage.options-conflict", "--from-fts prints YAML; leave out --json");
        }
        Optional<Encoder> encoder = Optional.ofNullable(model).map(JobModel::encoder);
        OptionalDouble learningRate = OptionalDouble.empty();
        if (config != null) {
            JobConfig job = overrides.readWithoutOutput(config);
            learningRate = OptionalDouble.of(job.training().learningRate());
            encoder = encoder.or(() -> Optional.of(JobModel.open(job).encoder()));
        }
        Optional<FtsModel> names = encoder.map(PlanCommand::names);
        Console.out(
                "%s",
                FtsConversion.yaml(FtsSchedule.read(file), names, learningRate).stripTrailing());
    }

    private static FtsModel names(Encoder encoder) {
        Stream<TensorSpec> parameters = Stream.concat(encoder.weights().stream(), encoder.head().tensors(1).stream());
        return new FtsModel(
                JobModel.linears(encoder), parameters.map(TensorSpec::name).toList());
    }
}
