package org.sparklora.driver.watch.report;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/** The language of the page. */
public enum Language {
    EN(Locale.ENGLISH),
    ZH(Locale.SIMPLIFIED_CHINESE);

    private final Locale locale;

    Language(Locale locale) {
        this.locale = locale;
    }

    /** The language of a code such as {@code zh}. */
    public static Optional<Language> of(String code) {
        return Arrays.stream(values())
                .filter(l -> l.locale.getLanguage().equals(code))
                .findFirst();
    }

    Locale locale() {
        return locale;
    }
}
