package org.sparklora.driver.watch.report;

import java.util.ArrayDeque;
import java.util.Deque;

/** Writes HTML: what was opened is closed in order, and whatever is said is escaped. */
final class Html {

    private final StringBuilder out = new StringBuilder();
    private final Deque<String> open = new ArrayDeque<>();

    /**
     * Opens an element.
     *
     * @param attributes names and values in turn; a value is escaped
     */
    Html open(String tag, String... attributes) {
        start(tag, attributes);
        open.push(tag);
        return this;
    }

    private void start(String tag, String... attributes) {
        out.append('<').append(tag);
        for (int i = 0; i < attributes.length; i += 2) {
            out.append(' ')
                    .append(attributes[i])
                    .append("=\"")
                    .append(escape(attributes[i + 1]))
                    .append('"');
        }
        out.append('>');
    }

    /** An element without content and without an end. */
    Html empty(String tag, String... attributes) {
        start(tag, attributes);
        return this;
    }

    /** Closes the element that was opened last. */
    Html close() {
        out.append("</").append(open.pop()).append('>');
        return this;
    }

    /** The same, with a line's end, where a reader of the source wants one. */
    Html closeBlock() {
        close();
        out.append('\n');
        return this;
    }

    /** Words. */
    Html text(String text) {
        out.append(escape(text));
        return this;
    }

    /** A whole element with words in it. */
    Html element(String tag, String text, String... attributes) {
        return open(tag, attributes).text(text).close();
    }

    /**
     * What a run recorded: names, reasons, paths. Not the page's language, and isolated, so that its direction of writing
     * does not reach what stands beside it.
     */
    Html data(String text) {
        return element("bdi", text, "translate", "no");
    }

    /** A digest or a name that is code. */
    Html code(String text) {
        return element("code", text, "translate", "no");
    }

    /** Text that is HTML already: of the page's own files, or coordinates. */
    Html raw(String html) {
        out.append(html);
        return this;
    }

    /** All of it. */
    @Override
    public String toString() {
        if (!open.isEmpty()) {
            throw new IllegalStateException("not closed: " + open);
        }
        return out.toString();
    }

    /** Text that means itself in HTML, within quotes too. Control characters, which HTML has no way to say, are replaced. */
    static String escape(String text) {
        StringBuilder safe = new StringBuilder(text.length() + 16);
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '&' -> safe.append("&amp;");
                case '<' -> safe.append("&lt;");
                case '>' -> safe.append("&gt;");
                case '"' -> safe.append("&quot;");
                case '\'' -> safe.append("&#39;");
                case '\n', '\t' -> safe.append(c);
                default -> safe.append(Character.isISOControl(c) || isLoneSurrogate(text, i) ? '\uFFFD' : c);
            }
        }
        return safe.toString();
    }

    private static boolean isLoneSurrogate(String text, int i) {
        char c = text.charAt(i);
        if (Character.isHighSurrogate(c)) {
            return i + 1 == text.length() || !Character.isLowSurrogate(text.charAt(i + 1));
        }
        return Character.isLowSurrogate(c) && (i == 0 || !Character.isHighSurrogate(text.charAt(i - 1)));
    }
}
