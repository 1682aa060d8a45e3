package org.sparklora.driver.watch.report;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/** What the page speaks. */
public enum Language {
    /** English. */
    EN("en"),
    /** Chinese, in simplified characters. */
    ZH("zh-CN");

    private final String tag;

    Language(String tag) {
        this.tag = tag;
    }

    /** The language of a code such as {@code zh}. */
    public static Optional<Language> of(String code) {
        return Arrays.stream(values()).filter(l -> l.code().equals(code)).findFirst();
    }

    /** As a person names it on the command line. */
    String code() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** As {@code <html lang>} has it. */
    String tag() {
        return tag;
    }
}
