package org.sparklora.driver.watch.report;

import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Properties;
import java.util.Set;

/**
 * Everything that the page says itself, in one language: a table of messages, and numbers with their units. {@code {0}} in a
 * message is the first value.
 */
final class Messages {

    private final Language language;
    private final Properties table = new Properties();

    Messages(Language language) {
        this.language = language;
        String file = "messages." + language.code() + ".properties";
        try (InputStream in = Resources.open(file);
                Reader utf8 = new InputStreamReader(in, StandardCharsets.UTF_8)) {
            table.load(utf8);
        } catch (IOException e) {
            throw new UncheckedIOException(file + " in the jar cannot be read", e);
        }
    }

    Language language() {
        return language;
    }

    Set<String> keys() {
        return table.stringPropertyNames();
    }

    boolean has(String key) {
        return table.containsKey(key);
    }

    /** The message of a key, with values in it. */
    String text(String key, Object... values) {
        String text = table.getProperty(key);
        if (text == null) {
            throw new IllegalArgumentException("no message is named '" + key + "' in " + language);
        }
        for (int i = 0; i < values.length; i++) {
            text = text.replace("{" + i + "}", String.valueOf(values[i]));
        }
        return text;
    }

    /** The message of a key if there is one, else the word as it is: for names that a later build may add to. */
    String word(String prefix, String name) {
        return has(prefix + name) ? text(prefix + name) : name;
    }

    /** What a metric is called; {@code f1_LABEL} is F1 of one label. */
    String metric(String name) {
        if (!has("metric." + name) && name.startsWith("f1_")) {
            return text("metric.f1.of", name.substring(3));
        }
        return word("metric.", name);
    }

    /** {@code 41.2 s}, {@code 1 min 12 s}, {@code 2 h 05 min}. */
    String seconds(double seconds) {
        if (seconds < 59.95) {
            return text("unit.seconds", NumberFormats.significant(seconds, 3));
        }
        long whole = Math.round(seconds);
        return whole < 3600
                ? text("unit.minutes", whole / 60, twoDigits(whole % 60))
                : text("unit.hours", whole / 3600, twoDigits(whole % 3600 / 60));
    }

    private static String twoDigits(long n) {
        return String.format(Locale.ROOT, "%02d", n);
    }

    /** {@code 842 bytes}, {@code 12.1 MB}: powers of 1000. */
    String bytes(double bytes) {
        return bytes < 1000 ? text("unit.bytes", NumberFormats.whole(bytes)) : NumberFormats.scaled(bytes) + "B";
    }

    /** {@code 1.24 TFLOP}: powers of 1000. */
    String flops(double flops) {
        return NumberFormats.scaled(flops) + "FLOP";
    }
}
