package org.sparklora.driver.watch.doctor;

import java.util.Locale;
import java.util.Optional;

/**
 * One line of {@code doctor}.
 *
 * @param found what was found, with its values
 * @param remedy what to do; empty only where there is nothing to do
 */
public record Finding(Verdict verdict, String found, Optional<String> remedy) {

    /** How bad it is. */
    public enum Verdict {
        OK,
        /** A run works, but slower than it could, or less safely. */
        WARNING,
        /** A run fails, or its result cannot be relied on. */
        PROBLEM;

        /** As it is printed. */
        public String label() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    public Finding {
        if ((verdict == Verdict.OK) != remedy.isEmpty()) {
            throw new IllegalArgumentException(verdict + " '" + found + "' " + (remedy.isEmpty() ? "without" : "with")
                    + " a remedy; warnings and problems have one");
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
