package org.sparklora.driver.cluster.data;

import java.io.IOException;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.LocatedFileStatus;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RemoteIterator;

/** The format of a source and the reader options that belong to it. */
enum SourceFormat {
    CSV,
    PARQUET,
    JSON;

    /** Holds what Spark could not parse of a row. */
    static final String MALFORMED = "_spark_lora_malformed";

    /** Spark's name of the format. */
    String sparkName() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** Reader options: ours, with the source's own laid over them. */
    Map<String, String> options(Source source, String name) {
        Map<String, String> options = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        if (this != PARQUET) {
            // Not FAILFAST: its message names neither file nor row.
            options.put("mode", "PERMISSIVE");
            options.put("encoding", "UTF-8");
        }
        if (this == CSV) {
            options.put("header", "true");
            options.put("quote", "\"");
            options.put("escape", "\"");
            options.put("multiLine", "true");
            options.put("inferSchema", "false");
            options.put("ignoreLeadingWhiteSpace", "false");
            options.put("ignoreTrailingWhiteSpace", "false");
            options.put("sep", name.equals("tsv") ? "\t" : ",");
        }
        if (this == JSON) {
            options.put("primitivesAsString", "true");
        }
        source.options().forEach((key, value) -> {
            // One option under two names: ours would win or lose by chance.
            if (key.equalsIgnoreCase("delimiter")) {
                options.remove("sep");
            }
            if (key.equalsIgnoreCase("charset")) {
                options.remove("encoding");
            }
            options.put(key, value);
        });
        if (this != PARQUET) {
            options.put("columnNameOfCorruptRecord", MALFORMED);
        }
        return options;
    }

    /** The format that a name stands for. */
    static SourceFormat of(Source source, String name) {
        return switch (name) {
            case "csv", "tsv" -> CSV;
            case "parquet" -> PARQUET;
            case "json", "jsonl", "ndjson" -> JSON;
            default ->
                throw new DataException(
                        "'" + source.path() + "': the format " + (name.isEmpty() ? "" : "'" + name + "' ")
                                + "is none of csv, tsv, parquet, json, jsonl; set format in the data section to one of these");
        };
    }

    /** The source's format in lower case: as configured, or the extension of its first data file. */
    static String name(Source source, Configuration hadoop) {
        String first = firstFile(source, hadoop);
        Optional<String> chosen = source.format().map(f -> f.toLowerCase(Locale.ROOT));
        return chosen.orElseGet(() -> extension(first));
    }

    private static String extension(String file) {
        String name = file.substring(file.lastIndexOf('/') + 1).toLowerCase(Locale.ROOT);
        for (String compressed : new String[] {".gz", ".bz2", ".zst", ".lz4", ".snappy", ".deflate"}) {
            if (name.endsWith(compressed)) {
                name = name.substring(0, name.length() - compressed.length());
            }
        }
        int dot = name.lastIndexOf('.');
        return dot < 0 ? "" : name.substring(dot + 1);
    }

    /** The first data file by path; fails where there is none. */
    private static String firstFile(Source source, Configuration hadoop) {
        try {
            Path path = new Path(source.path());
            FileSystem files = path.getFileSystem(hadoop);
            FileStatus[] found = files.globStatus(path);
            if (found == null || found.length == 0) {
                throw new DataException("'" + source.path() + "' does not exist; check the path in the data section");
            }
            Stream.Builder<String> names = Stream.builder();
            for (FileStatus status : found) {
                RemoteIterator<LocatedFileStatus> below = files.listFiles(status.getPath(), true);
                while (below.hasNext()) {
                    Path file = below.next().getPath();
                    if (isData(status.getPath(), file)) {
                        names.add(file.toString());
                    }
                }
            }
            return names.build()
                    .sorted()
                    .findFirst()
                    .orElseThrow(() -> new DataException(
                            "'" + source.path() + "' holds no data file; check the path in the data section"));
        } catch (IOException | IllegalArgumentException e) {
            throw new DataException(
                    "'" + source.path() + "' cannot be read: " + e.getMessage()
                            + "; check the path and its permissions",
                    e);
        }
    }

    /** Spark skips files and folders whose names start with _ or a dot, below the path that was given. */
    private static boolean isData(Path root, Path file) {
        String below = file.toString()
                .substring(Math.min(root.toString().length(), file.toString().length()));
        return Arrays.stream(below.split("/"))
                .noneMatch(part -> part.startsWith(".") || (part.startsWith("_") && !part.contains("=")));
    }
}
