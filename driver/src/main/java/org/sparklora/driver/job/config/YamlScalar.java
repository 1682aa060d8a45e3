package org.sparklora.driver.job.config;

import java.util.regex.Pattern;

/**
 * A YAML scalar as written. Which type it has is decided by the key that reads it, not by YAML, so {@code labels: [no,
 * yes]} are texts, {@code activation_cache: off} is no boolean, and {@code 5e-4} is a number, all unlike YAML 1.1.
 *
 * @param plain whether it has no quotes
 */
public record YamlScalar(String text, boolean plain) {

    private static final Pattern NULL = Pattern.compile("|~|null|Null|NULL");
    private static final Pattern WHOLE = Pattern.compile("[-+]?[0-9]+");
    private static final Pattern NUMBER = Pattern.compile("[-+]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][-+]?[0-9]+)?");
    private static final Pattern TRUE = Pattern.compile("true|True|TRUE");
    private static final Pattern FALSE = Pattern.compile("false|False|FALSE");

    boolean isNull() {
        return plain && NULL.matcher(text).matches();
    }

    /** Whether it is a whole number without quotes. */
    public boolean isWhole() {
        return plain && WHOLE.matcher(text).matches();
    }

    /** Whether it is a decimal number without quotes. */
    public boolean isNumber() {
        return plain && NUMBER.matcher(text).matches();
    }

    boolean isTrue() {
        return plain && TRUE.matcher(text).matches();
    }

    boolean isFalse() {
        return plain && FALSE.matcher(text).matches();
    }

    /** Whether it would be a number, true or false, were it not for its quotes. */
    boolean isQuotedLiteral() {
        YamlScalar bare = new YamlScalar(text, true);
        return !plain && (bare.isNumber() || bare.isTrue() || bare.isFalse());
    }

    /** As messages show it. */
    @Override
    public String toString() {
        return "'" + text.replace("\n", "\\n") + "'";
    }
}
