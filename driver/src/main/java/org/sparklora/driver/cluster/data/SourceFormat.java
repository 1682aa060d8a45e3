package org.sparklora.driver.cluster.data;

import java.io.File;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.LocalFileSystem;
import org.apache.hadoop.fs.LocatedFileStatus;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RemoteIterator;
import org.sparklora.driver.job.config.SourceConfig;
import org.sparklora.worker.contract.CodedException;
import org.sparklora.worker.contract.HostException;

/** The format of a source, and the reader options for it. */
enum SourceFormat {
    CSV,
    TSV,
    PARQUET,
    JSON;

    /** The column in which Spark returns the text of a row that it cannot parse. */
    static final String MALFORMED = "_spark_lora_malformed";

    /** Compressed files, by the extensions that Hadoop's codecs have. */
    private static final String COMPRESSED = "\\.(gz|bz2|zst|lz4|snappy|deflate)$";

    /** Spark's name of the format. */
    String sparkName() {
        return this == TSV ? "csv" : name().toLowerCase(Locale.ROOT);
    }

    /** Whether rows are lines of separated fields. */
    boolean isDelimited() {
        return this == CSV || this == TSV;
    }

    /** Returns the reader options: our defaults, overridden by the source's own. */
    Map<String, String> options(SourceConfig source) {
        Map<String, String> options = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        if (this != PARQUET) {
            // Not FAILFAST: its message names neither file nor row.
            options.put("mode", "PERMISSIVE");
            options.put("encoding", "UTF-8");
        }
        if (isDelimited()) {
            options.put("header", "true");
            options.put("quote", "\"");
            options.put("escape", "\"");
            options.put("multiLine", "true");
            options.put("inferSchema", "false");
            options.put("ignoreLeadingWhiteSpace", "false");
            options.put("ignoreTrailingWhiteSpace", "false");
            options.put("sep", this == TSV ? "\t" : ",");
        }
        if (this == JSON) {
            options.put("primitivesAsString", "true");
        }
        source.options().forEach((key, value) -> {
            // Spark knows two names for these options. If both were set, Spark would choose one.
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

    /**
     * Returns the configured format of a source, or the format that the extension of its first data file stands for.
     *
     * @throws DataException if the source has no data file, or the format is unknown
     */
    static SourceFormat of(SourceConfig source, Configuration hadoop) {
        String first = firstFile(source, hadoop);
        String name = source.format().map(f -> f.toLowerCase(Locale.ROOT)).orElseGet(() -> extension(first));
        return switch (name) {
            case "csv" -> CSV;
            case "tsv" -> TSV;
            case "parquet" -> PARQUET;
            case "json", "jsonl", "ndjson" -> JSON;
            default ->
                throw new DataException(
                        "data.format.unknown",
                        "'" + source.path() + "': the format " + (name.isEmpty() ? "" : "'" + name + "' ")
                                + "is not known; set format in the data section to csv, tsv, parquet, json or jsonl");
        };
    }

    private static String extension(String file) {
        String name = file.substring(file.lastIndexOf('/') + 1)
                .toLowerCase(Locale.ROOT)
                .replaceFirst(COMPRESSED, "");
        int dot = name.lastIndexOf('.');
        return dot < 0 ? "" : name.substring(dot + 1);
    }

    private static String firstFile(SourceConfig source, Configuration hadoop) {
        List<String> names = new ArrayList<>();
        try {
            Path path = new Path(source.path());
            FileSystem files = path.getFileSystem(hadoop);
            FileStatus[] found = files.globStatus(path);
            if (found == null || found.length == 0) {
                throw new DataException(
                        "data.file.missing",
                        "'" + source.path() + "' does not exist; check the path in the data section");
            }
            for (FileStatus status : found) {
                if (files instanceof LocalFileSystem local) {
                    requireNamesInLocale(local.pathToFile(status.getPath()));
                }
                RemoteIterator<LocatedFileStatus> below = files.listFiles(status.getPath(), true);
                while (below.hasNext()) {
                    Path file = below.next().getPath();
                    if (isData(status.getPath(), file)) {
                        names.add(file.toString());
                    }
                }
            }
        } catch (CodedException e) {
            throw e;
        } catch (IOException | RuntimeException e) {
            // Hadoop reports a file that has just vanished by a plain RuntimeException.
            HostException.requireInLocale(String.valueOf(e.getMessage()));
            throw new DataException(
                    "data.file.unreadable",
                    "'" + source.path() + "' cannot be read: " + e.getMessage()
                            + "; check the path and its permissions",
                    e);
        }
        return names.stream()
                .min(String::compareTo)
                .orElseThrow(() -> new DataException(
                        "data.file.missing",
                        "'" + source.path() + "' contains no data file; check the path in the data section"));
    }

    /** Hadoop leaves out files whose names the locale cannot express, without a word. */
    private static void requireNamesInLocale(File folder) {
        for (File file : Objects.requireNonNullElse(folder.listFiles(), new File[0])) {
            HostException.requireInLocale(file.toString());
            requireNamesInLocale(file);
        }
    }

    /** Below the given path, Spark skips files and folders whose names start with an underscore or a dot. */
    private static boolean isData(Path root, Path file) {
        String below = file.toString()
                .substring(Math.min(root.toString().length(), file.toString().length()));
        return Arrays.stream(below.split("/"))
                .noneMatch(part -> part.startsWith(".") || (part.startsWith("_") && !part.contains("=")));
    }
}
