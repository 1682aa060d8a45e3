package org.sparklora.driver.app;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.job.config.JobConfig;
import org.sparklora.driver.training.Console;
import org.sparklora.driver.training.ExitCode;
import org.sparklora.driver.training.UsageException;
import org.sparklora.driver.watch.doctor.Finding;
import org.sparklora.driver.watch.doctor.Finding.Verdict;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(name = "doctor", mixinStandardHelpOptions = true)
final class DoctorCommand implements Callable<Integer> {

    private static final ObjectMapper JSON = new ObjectMapper();

    @Option(names = "--config", paramLabel = "FILE")
    private @Nullable Path config;

    @Mixin
    private JobOverrides overrides = new JobOverrides();

    @Option(names = "--output", paramLabel = "DIR")
    private @Nullable String output;

    @Option(names = "--json")
    private boolean json;

    @Override
    public Integer call() {
        Optional<JobConfig> job = Optional.ofNullable(config)
                .map(file ->
                        output == null ? overrides.readWithoutOutput(file) : overrides.read(file, Optional.of(output)));
        if (job.isEmpty() && (output != null || !overrides.isEmpty())) {
            throw new UsageException("usage.option-missing", "--set and --output need --config FILE");
        }
        List<Finding> findings = new ArrayList<>();
        new Doctor(job, finding -> {
                    findings.add(finding);
                    if (!json) {
                        Console.out("%s", finding.line());
                    }
                })
                .examine();
        boolean healthy = findings.stream().noneMatch(finding -> finding.verdict() == Verdict.PROBLEM);
        if (json) {
            Console.out("%s", object(healthy, findings).toPrettyString());
        }
        return (healthy ? ExitCode.OK : ExitCode.USAGE).code();
    }

    private static ObjectNode object(boolean healthy, List<Finding> findings) {
        ObjectNode object = JSON.createObjectNode().put("healthy", healthy);
        ArrayNode all = object.putArray("findings");
        for (Finding finding : findings) {
            ObjectNode each = all.addObject().put("verdict", finding.verdict().label());
            each.put("found", finding.found());
            finding.remedy().ifPresent(remedy -> each.put("remedy", remedy));
        }
        return object;
    }
}
