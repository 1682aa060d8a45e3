package org.sparklora.driver.app;

import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.cluster.data.Source;
import org.sparklora.driver.job.config.SourceConfig;
import org.sparklora.driver.training.TrainedRun;
import picocli.CommandLine.Option;

/** Options of the commands that take a finished run and rows. */
final class RunOptions {

    @Option(names = "--run", required = true, paramLabel = "DIR", description = "The run directory of a finished run.")
    private String run = "";

    @Option(
            names = "--base",
            paramLabel = "DIR",
            description = "The base model's directory, where it is no longer where the run found it.")
    private @Nullable String base;

    @Option(
            names = "--format",
            paramLabel = "FORMAT",
            description = "csv, parquet or json; default: by the file's name.")
    private @Nullable String format;

    @Option(
            names = "--text",
            paramLabel = "COLUMN",
            description = "The text's column; default: the one that the run was trained on.")
    private @Nullable String text;

    @Option(names = "--text-pair", paramLabel = "COLUMN", description = "The second text's column; default likewise.")
    private @Nullable String textPair;

    /** The run. */
    TrainedRun open() {
        return TrainedRun.read(run, Optional.ofNullable(base));
    }

    /** Rows at a path, with the columns that the run was trained on unless options name others. */
    Source source(TrainedRun of, String path, Optional<String> label) {
        SourceConfig trained = of.job().data().train();
        return new Source(
                path,
                Optional.ofNullable(format),
                Optional.ofNullable(text).orElse(trained.text()),
                Optional.ofNullable(textPair).or(trained::textPair),
                label,
                Optional.empty(),
                trained.options());
    }
}
