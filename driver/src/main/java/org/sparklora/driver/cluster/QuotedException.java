package org.sparklora.driver.cluster;

import java.util.List;
import java.util.regex.Pattern;

/**
 * One of our exceptions as Spark quotes it from a task, in a message that holds the task's whole trace. The exception
 * itself often does not travel: never from a barrier stage.
 *
 * @param type name of its class
 * @param message its first line
 */
public record QuotedException(String type, String message) {

    /** The message is looked at, not consumed: a rank quotes another's exception in its own. */
    private static final Pattern QUOTED = Pattern.compile("\\b(org\\.sparklora\\.[\\w.]+): (?=(.*))");

    /** Those that a message of Spark quotes, in order. */
    public static List<QuotedException> in(String message) {
        return QUOTED.matcher(message)
                .results()
                .map(match -> new QuotedException(match.group(1), match.group(2).strip()))
                .toList();
    }
}
