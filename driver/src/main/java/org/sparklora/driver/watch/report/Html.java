package org.sparklora.driver.watch.report;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.regex.Pattern;

/** Writes HTML. It escapes every text and closes elements in order. */
final class Html {

    /** Control characters, which HTML cannot express, and surrogates without their pair. */
    private static final Pattern NOT_TEXT = Pattern.compile("[\\p{Cc}\\p{Cs}&&[^\\n\\t]]");

    private static final int SHORT_DIGEST = 12;

    private final Messages messages;
    private final StringBuilder out = new StringBuilder();
    private final Deque<String> open = new ArrayDeque<>();

    Html(Messages messages) {
        this.messages = messages;
    }

    /** The texts of the page. */
    Messages messages() {
        return messages;
    }

    /**
     * Opens an element.
     *
     * @param tag its name, with classes after a dot: {@code p.note}
     * @param attributes names and values in turn; values are escaped
     */
    Html open(String tag, String... attributes) {
        empty(tag, attributes);
        open.push(tag.replaceFirst("\\..*", ""));
        return this;
    }

    /** Writes an element without content and end tag. */
    Html empty(String tag, String... attributes) {
        int dot = tag.indexOf('.');
        out.append('<').append(dot < 0 ? tag : tag.substring(0, dot));
        if (dot >= 0) {
            attribute("class", tag.substring(dot + 1));
        }
        for (int i = 0; i < attributes.length; i += 2) {
            attribute(attributes[i], attributes[i + 1]);
        }
        out.append('>');
        return this;
    }

    private void attribute(String name, String value) {
        out.append(' ').append(name).append("=\"").append(escape(value)).append('"');
    }

    /** Closes the element that was opened last. */
    Html close() {
        out.append("</").append(open.pop()).append('>');
        return this;
    }

    /** Closes the element and ends the line of the source. */
    Html closeBlock() {
        close();
        out.append('\n');
        return this;
    }

    /** Writes text. */
    Html text(String text) {
        out.append(escape(text));
        return this;
    }

    /** Writes an element with text. */
    Html element(String tag, String text, String... attributes) {
        return open(tag, attributes).text(text).close();
    }

    /** Writes an element without text. */
    Html mark(String tag, String... attributes) {
        return element(tag, "", attributes);
    }

    /** Writes a remark: a message in small print. */
    Html note(String key, Object... values) {
        return element("p.note", messages.text(key, values));
    }

    /**
     * Writes what a run recorded: names, reasons, paths. It is not in the page's language, and is isolated so that its text
     * direction does not affect its neighbours.
     */
    Html data(String text) {
        return element("bdi", text, "translate", "no");
    }

    /** Writes a digest or an identifier. */
    Html code(String text) {
        return element("code", text, "translate", "no");
    }

    /** Writes the beginning of a digest, with the whole digest as its title. */
    Html digest(String sha256) {
        return sha256.length() <= SHORT_DIGEST
                ? code(sha256.isEmpty() ? "–" : sha256)
                : element("code", sha256.substring(0, SHORT_DIGEST) + "…", "translate", "no", "title", sha256);
    }

    /** Writes HTML: the page's own files or coordinates. */
    Html raw(String html) {
        out.append(html);
        return this;
    }

    /** The whole document. */
    @Override
    public String toString() {
        if (!open.isEmpty()) {
            throw new IllegalStateException("not closed: " + open);
        }
        return out.toString();
    }

    /** Escapes text for content and quoted attributes, and replaces what HTML cannot express. */
    static String escape(String text) {
        return NOT_TEXT.matcher(text)
                .replaceAll("\uFFFD")
                .replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("\"", "&quot;")
                .replace("'", "&#39;");
    }
}
