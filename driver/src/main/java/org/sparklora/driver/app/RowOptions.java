package org.sparklora.driver.app;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.cluster.Locations;
import org.sparklora.driver.cluster.data.SourceReader;
import org.sparklora.driver.job.config.SourceConfig;
import org.sparklora.driver.job.config.YamlSection;
import org.sparklora.driver.training.TrainedRun;
import org.sparklora.driver.training.UsageException;
import org.sparklora.worker.contract.Precision;
import picocli.CommandLine.Option;

/** Options of the commands that apply a run to rows of a file. */
final class RowOptions {

    @Option(names = "--format", paramLabel = "FORMAT")
    private @Nullable String format;

    @Option(names = "--text", paramLabel = "COLUMN")
    private @Nullable String text;

    @Option(names = "--text-pair", paramLabel = "COLUMN")
    private @Nullable String textPair;

    @Option(names = "--precision", paramLabel = "TYPE")
    private @Nullable String precision;

    /** The precision that the options say, if they do. */
    Optional<Precision> precision() {
        return Optional.ofNullable(precision).map(name -> choice(Precision.class, "--precision", name));
    }

    /** The constant of an enum that an option names in lower case. */
    static <E extends Enum<E>> E choice(Class<E> type, String option, String name) {
        Map<String, E> constants = Stream.of(type.getEnumConstants())
                .collect(Collectors.toMap(YamlSection::word, constant -> constant, (a, b) -> a, LinkedHashMap::new));
        return Optional.ofNullable(constants.get(name))
                .orElseThrow(() -> new UsageException(
                        "usage.option-value",
                        option + " is one of " + String.join(", ", constants.keySet()) + ", not '" + name + "'"));
    }

    /** The rows at a path, with the run's columns unless options name others. Refuses missing files. */
    SourceConfig source(TrainedRun run, String option, String path, Optional<String> label) {
        SourceConfig trained = run.job().data().train();
        SourceConfig source = new SourceConfig(
                path,
                Optional.ofNullable(format),
                Optional.ofNullable(text).orElse(trained.text()),
                Optional.ofNullable(textPair).or(trained::textPair),
                label.orElse(trained.label()),
                Optional.empty(),
                trained.options());
        SourceReader.requireFiles(source, Locations.hadoop(), option);
        return source;
    }
}
