package org.sparklora.driver.cluster.data;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.io.compress.CompressionCodec;
import org.apache.hadoop.io.compress.CompressionCodecFactory;
import org.sparklora.driver.job.config.SourceConfig;

/** Checks that all CSV files of a source have the same header. Spark uses the first file's header for all, silently. */
final class CsvHeaders {

    private CsvHeaders() {}

    /**
     * Compares the headers of files.
     *
     * @param columnsOf reads a file's columns, which takes a Spark job; used only if first lines differ
     * @param files URIs
     */
    static void requireSame(
            SourceConfig source, String[] files, Function<String, String[]> columnsOf, Configuration hadoop) {
        if (files.length < 2) {
            return;
        }
        Path[] paths = Arrays.stream(files)
                .sorted()
                .map(file -> new Path(URI.create(file)))
                .toArray(Path[]::new);
        Optional<String> firstLine = firstLine(paths[0], hadoop);
        for (Path path : paths) {
            if (firstLine.isPresent() && firstLine.equals(firstLine(path, hadoop))) {
                continue;
            }
            List<String> first = List.of(columnsOf.apply(paths[0].toString()));
            List<String> columns = List.of(columnsOf.apply(path.toString()));
            if (!columns.isEmpty() && !columns.equals(first)) {
                throw new DataException(
                        "data.header.mismatch",
                        "'" + source.name() + "': " + path.getName() + " has the columns " + DidYouMean.list(columns)
                                + ", but " + paths[0].getName() + " has " + DidYouMean.list(first)
                                + "; give all files the same header");
            }
        }
    }

    private static Optional<String> firstLine(Path file, Configuration hadoop) {
        CompressionCodec codec = new CompressionCodecFactory(hadoop).getCodec(file);
        try (InputStream raw = file.getFileSystem(hadoop).open(file);
                InputStream in = codec == null ? raw : codec.createInputStream(raw);
                BufferedReader reader = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))) {
            return Optional.ofNullable(reader.readLine());
        } catch (IOException | RuntimeException e) {
            // Spark may be able to read the file. If not, its error says why.
            return Optional.empty();
        }
    }
}
