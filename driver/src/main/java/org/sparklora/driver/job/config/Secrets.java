package org.sparklora.driver.job.config;

import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Replaces secrets in copies of a job that leave its run directory. Only the options of data sources are free text, so only they
 * can hold secrets: a password of a database, say.
 */
public final class Secrets {

    /** Stands for a secret. */
    static final String REDACTED = "(redacted)";

    private static final Pattern KEY =
            Pattern.compile("(?i)secret|passw|token|credential|signature|(api|access|account|private|s3).?key");
    private static final Pattern VALUE =
            Pattern.compile("(?i)(password|secret|token|sig|key)=|://[^/@\\s]+:[^/@\\s]+@");
    private static final Pattern LINE = Pattern.compile("( *)([^:]+):(?: (.*))?");

    private Secrets() {}

    /** The text of a {@link ResolvedYaml} without secrets. */
    public static String redacted(String yaml) {
        List<String> lines = new ArrayList<>();
        // Indentation of the options that are being read, and of a value that is left out; -1 outside of them.
        int options = -1;
        int secret = -1;
        for (String line : yaml.split("\n", -1)) {
            int indent = line.length() - line.stripLeading().length();
            Matcher entry = LINE.matcher(line);
            if (secret >= 0 && indent > secret && !line.isBlank()) {
                continue;
            }
            secret = -1;
            options = indent <= options ? -1 : options;
            if (options >= 0 && entry.matches() && isSecret(entry.group(2), String.valueOf(entry.group(3)))) {
                secret = indent;
                lines.add(entry.group(1) + entry.group(2) + ": " + REDACTED);
                continue;
            }
            if (options < 0 && line.strip().equals("options:")) {
                options = indent;
            }
            lines.add(line);
        }
        return String.join("\n", lines);
    }

    /** The same for {@link ResolvedYaml#leaves}. */
    public static SortedMap<String, String> redacted(SortedMap<String, String> leaves) {
        SortedMap<String, String> redacted = new TreeMap<>(leaves);
        redacted.replaceAll((path, value) -> {
            int options = path.indexOf(".options.");
            return options >= 0 && isSecret(path.substring(options), value) ? REDACTED : value;
        });
        return redacted;
    }

    private static boolean isSecret(String key, String value) {
        return KEY.matcher(key).find() || VALUE.matcher(value).find();
    }
}
