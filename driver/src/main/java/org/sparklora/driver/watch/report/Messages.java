package org.sparklora.driver.watch.report;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.ResourceBundle;
import java.util.Set;

/** The texts of the page in one language, and numbers with their units. {@code {0}} in a text is the first value. */
final class Messages {

    private final Language language;
    private final ResourceBundle table;

    Messages(Language language) {
        this.language = language;
        this.table = ResourceBundle.getBundle(Messages.class.getPackageName() + ".messages", language.locale());
    }

    Language language() {
        return language;
    }

    Set<String> keys() {
        return table.keySet();
    }

    boolean has(String key) {
        return table.containsKey(key);
    }

    /** The text of a key with its values. */
    String text(String key, Object... values) {
        if (!has(key)) {
            throw new IllegalArgumentException("no text for '" + key + "' in " + language);
        }
        String text = table.getString(key);
        for (int i = 0; i < values.length; i++) {
            text = text.replace("{" + i + "}", String.valueOf(values[i]));
        }
        return text;
    }

    /** The texts of keys that spaces separate. */
    List<String> texts(String keys) {
        return Arrays.stream(keys.split(" ")).map(this::text).toList();
    }

    /** The text of a key if it exists, otherwise the name: later versions may add names. */
    String word(String prefix, String name) {
        return has(prefix + name) ? text(prefix + name) : name;
    }

    /** The name of a metric; {@code f1_LABEL} is the F1 of one label. */
    String metric(String name) {
        if (!has("metric." + name) && name.startsWith("f1_")) {
            return text("metric.f1.of", name.substring(3));
        }
        return word("metric.", name);
    }

    /** {@code 41.2 s}, {@code 1 min 12 s}, {@code 2 h 05 min}. */
    String seconds(double seconds) {
        if (seconds < 59.95) {
            return text("unit.seconds", Formats.significant(seconds, 3));
        }
        long whole = Math.round(seconds);
        boolean minutes = whole < 3600;
        String small = String.format(Locale.ROOT, "%02d", minutes ? whole % 60 : whole % 3600 / 60);
        return minutes ? text("unit.minutes", whole / 60, small) : text("unit.hours", whole / 3600, small);
    }

    /** {@code 842 bytes}, {@code 12.1 MB}, in powers of 1000. */
    String bytes(double bytes) {
        return bytes < 1000 ? text("unit.bytes", Formats.whole(bytes)) : Formats.scaled(bytes) + "B";
    }

    /** {@code 1.24 TFLOP}, in powers of 1000. */
    String flops(double flops) {
        return Formats.scaled(flops) + "FLOP";
    }
}
