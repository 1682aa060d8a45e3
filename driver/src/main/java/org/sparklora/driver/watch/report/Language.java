package org.sparklora.driver.watch.report;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/** The language of the page. */
public enum Language {
    EN("en"),
    /** Simplified Chinese. */
    ZH("zh-CN");

    private final String tag;

    Language(String tag) {
        this.tag = tag;
    }

    /** The language of a code such as {@code zh}. */
    public static Optional<Language> of(String code) {
        return Arrays.stream(values()).filter(l -> l.code().equals(code)).findFirst();
    }

    /** The code on the command line. */
    String code() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** The value of {@code <html lang>}. */
    String tag() {
        return tag;
    }
}
