package org.sparklora.driver.watch.doctor;

import java.util.Locale;
import java.util.Optional;

/**
 * One result of {@code doctor}.
 *
 * @param found the facts, with their values
 * @param remedy what to do; empty exactly for OK
 */
public record Finding(Verdict verdict, String found, Optional<String> remedy) {

    /** The severity. */
    public enum Verdict {
        OK,
        /** A run works, but more slowly or less safely than it could. */
        WARNING,
        /** A run fails, or its result is not reliable. */
        PROBLEM;

        /** The printed form. */
        public String label() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    public Finding {
        if ((verdict == Verdict.OK) != remedy.isEmpty()) {
            throw new IllegalArgumentException(
                    "warnings and problems need a remedy, ok has none: " + verdict + " " + found);
        }
    }

    public static Finding ok(String found) {
        return new Finding(Verdict.OK, found, Optional.empty());
    }

    public static Finding warning(String found, String remedy) {
        return new Finding(Verdict.WARNING, found, Optional.of(remedy));
    }

    public static Finding problem(String found, String remedy) {
        return new Finding(Verdict.PROBLEM, found, Optional.of(remedy));
    }

    /** An error's line, which says what to do after its last semicolon. */
    public static Finding problem(String message) {
        int remedy = message.lastIndexOf("; ");
        return remedy < 0
                ? problem(message, "fix this: it would end a run")
                : problem(message.substring(0, remedy), message.substring(remedy + 2));
    }

    /** {@code warning  what was found - what to do}. */
    public String line() {
        return String.format(
                Locale.ROOT,
                "%-8s %s%s",
                verdict.label(),
                found,
                remedy.map(r -> " - " + r).orElse(""));
    }
}
