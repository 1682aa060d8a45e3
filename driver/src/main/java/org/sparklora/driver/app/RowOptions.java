package org.sparklora.driver.app;

import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.cluster.data.Source;
import org.sparklora.driver.job.config.SourceConfig;
import org.sparklora.driver.training.JobRows;
import org.sparklora.driver.training.TrainedRun;
import picocli.CommandLine.Option;

/** Options of the commands that apply a run to rows of a file. */
final class RowOptions {

    @Option(names = "--format", paramLabel = "FORMAT")
    private @Nullable String format;

    @Option(names = "--text", paramLabel = "COLUMN")
    private @Nullable String text;

    @Option(names = "--text-pair", paramLabel = "COLUMN")
    private @Nullable String textPair;

    /** The rows at a path, with the run's columns unless options name others. Refuses missing files. */
    Source source(TrainedRun run, String path, Optional<String> label) {
        SourceConfig trained = run.job().data().train();
        Source source = new Source(
                path,
                Optional.ofNullable(format),
                Optional.ofNullable(text).orElse(trained.text()),
                Optional.ofNullable(textPair).or(trained::textPair),
                label,
                Optional.empty(),
                trained.options());
        JobRows.requireFiles(source);
        return source;
    }
}
