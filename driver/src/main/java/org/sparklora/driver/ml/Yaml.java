package org.sparklora.driver.ml;

import java.util.List;
import java.util.stream.Collectors;

/** Texts as values of a job's keys. */
final class Yaml {

    private Yaml() {}

    /** A text in double quotes, whatever it holds. */
    static String quoted(String text) {
        StringBuilder quoted = new StringBuilder("\"");
        text.codePoints().forEach(c -> {
            if (c == '"' || c == '\\') {
                quoted.append('\\').appendCodePoint(c);
            } else if (c < ' ') {
                quoted.append(String.format(java.util.Locale.ROOT, "\\x%02x", c));
            } else {
                quoted.appendCodePoint(c);
            }
        });
        return quoted.append('"').toString();
    }

    /** A list of texts. */
    static String list(List<String> texts) {
        return texts.stream().map(Yaml::quoted).collect(Collectors.joining(", ", "[", "]"));
    }
}
