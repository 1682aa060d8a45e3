package org.sparklora.driver.app;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
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
    public Integer call() throws JsonProcessingException {
        Optional<JobConfig> job =
                Optional.ofNullable(config).map(file -> overrides.read(file, Optional.ofNullable(output)));
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
            Console.out("%s", JSON.writerWithDefaultPrettyPrinter().writeValueAsString(object(healthy, findings)));
        }
        return (healthy ? ExitCode.OK : ExitCode.USAGE).code();
    }

    private static Map<String, Object> object(boolean healthy, List<Finding> findings) {
        Map<String, Object> object = new LinkedHashMap<>();
        object.put("healthy", healthy);
        object.put("findings", findings.stream().map(DoctorCommand::object).toList());
        return object;
    }

    private static Map<String, Object> object(Finding finding) {
        Map<String, Object> object = new LinkedHashMap<>();
        object.put("verdict", finding.verdict().label());
        object.put("found", finding.found());
        finding.remedy().ifPresent(remedy -> object.put("remedy", remedy));
        return object;
    }
}
