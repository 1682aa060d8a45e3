package org.sparklora.driver.job.text;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Text files in the jar. */
public final class Resource {

    private static final Pattern PLACEHOLDER = Pattern.compile("\\{(\\w+)}");

    private Resource() {}

    /** The text of a file next to a class. */
    public static String text(Class<?> owner, String name) {
        try (InputStream in = Objects.requireNonNull(owner.getResourceAsStream(name), name)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read " + name + " from the jar", e);
        }
    }

    /** A text in which values replace {@code {name}}. In one pass, so a value that looks like a placeholder stays. */
    public static String filled(Class<?> owner, String name, Map<String, String> values) {
        return PLACEHOLDER
                .matcher(text(owner, name))
                .replaceAll(part -> Matcher.quoteReplacement(values.getOrDefault(part.group(1), part.group())));
    }
}
