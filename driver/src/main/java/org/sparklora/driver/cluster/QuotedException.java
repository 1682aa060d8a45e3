package org.sparklora.driver.cluster;

import java.util.List;
import java.util.regex.Pattern;

/**
 * One of our exceptions as Spark quotes it from a task, in a message that holds the task's whole stack trace. Often Spark does
 * not send the exception itself, and never from a barrier stage.
 *
 * @param type name of its class
 * @param message the first line of its message
 */
public record QuotedException(String type, String message) {

    /** Looks ahead at the message: it may quote another rank's exception. */
    private static final Pattern QUOTED = Pattern.compile("\\b(org\\.sparklora\\.[\\w.]+): (?=(.*))");

    /** Returns the exceptions that a message of Spark quotes, in order. */
    public static List<QuotedException> in(String message) {
        return QUOTED.matcher(message)
                .results()
                .map(match -> new QuotedException(match.group(1), match.group(2).strip()))
                .toList();
    }
}
