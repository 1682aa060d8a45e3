package org.sparklora.driver.cluster.data;

import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.spark.sql.catalyst.csv.CSVExprUtils;
import org.apache.spark.sql.execution.datasources.DataSource$;
import org.apache.spark.sql.internal.SQLConf;
import org.sparklora.driver.job.config.SourceConfig;

/** The format of a source, and the reader options for it. */
enum SourceFormat {
    CSV,
    TSV,
    PARQUET,
    JSON,
    /** A table, a query, or files of a format that does not tell the number of a row, see {@link SourceTable}. */
    TABLE;

    /** The column in which Spark returns the text of a row that it cannot parse. */
    static final String MALFORMED = "_spark_lora_malformed";

    /** Stands for bytes that are not in the encoding. */
    static final String REPLACEMENT = "\uFFFD";

    /** Compressed files, by the extensions that Hadoop's codecs have. */
    static final String COMPRESSED = "\\.(gz|bz2|zst|lz4|snappy|deflate)$";

    /** Spark's name of the format. */
    String sparkName() {
        return this == TSV ? "csv" : name().toLowerCase(Locale.ROOT);
    }

    /** Whether rows are lines of separated fields. */
    boolean isDelimited() {
        return this == CSV || this == TSV;
    }

    /** Whether rows are text, which may not be in the form that it should have. */
    boolean isText() {
        return isDelimited() || this == JSON;
    }

    private Map<String, String> defaults() {
        Map<String, String> options = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        if (isText()) {
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
        return options;
    }

    /** Returns the reader options: our defaults, overridden by the source's own. */
    Map<String, String> options(SourceConfig source) {
        Map<String, String> options = defaults();
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
        if (isText()) {
            options.put("columnNameOfCorruptRecord", MALFORMED);
        }
        return options;
    }

    /** Returns the separator of fields. */
    static String separator(Map<String, String> options) {
        return CSVExprUtils.toDelimiterStr(options.getOrDefault("sep", options.get("delimiter")));
    }

    /** Whether a delimited file is read as RFC 4180 says, with or without header and with any separator of one character. */
    boolean isPlain(Map<String, String> options) {
        Map<String, String> plain = defaults();
        plain.put("columnNameOfCorruptRecord", MALFORMED);
        Set.of("header", "sep", "delimiter").forEach(option -> plain.put(option, options.getOrDefault(option, "")));
        String separator = separator(options);
        return separator.length() == 1
                && !"\"\r\n".contains(separator)
                && options.entrySet().stream()
                        .allMatch(option -> option.getValue().equalsIgnoreCase(plain.get(option.getKey())));
    }

    /**
     * Returns the configured format of a source, or the format that the extension of its first data file stands for.
     *
     * @throws DataException if the format is unknown
     */
    static SourceFormat of(SourceConfig source, SourceFiles files) {
        String name = name(source, files);
        return switch (name) {
            case "csv" -> CSV;
            case "tsv" -> TSV;
            case "parquet" -> PARQUET;
            case "json", "jsonl", "ndjson" -> JSON;
            default -> {
                if (!isInstalled(name)) {
                    throw new DataException(
                            "data.format.unknown",
                            "'" + source.name() + "': the format " + (name.isEmpty() ? "" : "'" + name + "' ")
                                    + "is not known; set --format or, in a job file, format in the data section to csv, tsv,"
                                    + " parquet, json, jsonl or orc, or give Spark the format's jar with --packages");
                }
                yield TABLE;
            }
        };
    }

    /** The name of the configured format, or the extension of the first data file, in lower case. */
    static String name(SourceConfig source, SourceFiles files) {
        return source.format()
                .map(f -> f.toLowerCase(Locale.ROOT))
                .orElseGet(() -> extension(files.read().firstKey()));
    }

    private static boolean isInstalled(String name) {
        try {
            DataSource$.MODULE$.lookupDataSource(name, SQLConf.get());
            return !name.isEmpty();
        } catch (Exception e) {
            // Exception: Spark throws checked exceptions that no signature declares.
            return false;
        }
    }

    /** The extension of a data file, without that of a compression. */
    static String extension(String file) {
        String name = file.substring(file.lastIndexOf('/') + 1)
                .toLowerCase(Locale.ROOT)
                .replaceFirst(COMPRESSED, "");
        int dot = name.lastIndexOf('.');
        return dot < 0 ? "" : name.substring(dot + 1);
    }
}
