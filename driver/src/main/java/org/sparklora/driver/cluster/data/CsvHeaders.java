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

/** Several CSV files are one table only if their headers agree: Spark takes the first file's for all, silently. */
final class CsvHeaders {

    private final Configuration hadoop;
    private final Function<String, List<String>> columnsOf;

    /**
     * A check.
     *
     * @param columnsOf a file's columns as Spark reads them, which costs a job; asked only where first lines differ
     */
    CsvHeaders(Configuration hadoop, Function<String, List<String>> columnsOf) {
        this.hadoop = hadoop;
        this.columnsOf = columnsOf;
    }

    void requireSame(Source source, String[] addresses) {
        Path[] files = Arrays.stream(addresses)
                .sorted()
                .map(address -> new Path(URI.create(address)))
                .toArray(Path[]::new);
        if (files.length < 2) {
            return;
        }
        Optional<String> firstLine = firstLine(files[0]);
        for (Path file : files) {
            if (firstLine.isPresent() && firstLine.equals(firstLine(file))) {
                continue;
            }
            List<String> first = columnsOf.apply(files[0].toString());
            List<String> columns = columnsOf.apply(file.toString());
            if (!columns.isEmpty() && !columns.equals(first)) {
                throw new DataException("'" + source.path() + "': " + file.getName() + " has the columns "
                        + DidYouMean.list(columns) + ", but " + files[0].getName() + " has " + DidYouMean.list(first)
                        + "; give all files the same header");
            }
        }
    }

    private Optional<String> firstLine(Path file) {
        CompressionCodec codec = new CompressionCodecFactory(hadoop).getCodec(file);
        try (InputStream raw = file.getFileSystem(hadoop).open(file);
                InputStream in = codec == null ? raw : codec.createInputStream(raw);
                BufferedReader reader = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))) {
            return Optional.ofNullable(reader.readLine());
        } catch (IOException | RuntimeException e) {
            // Spark may know how to read it, and if not says why.
            return Optional.empty();
        }
    }
}
