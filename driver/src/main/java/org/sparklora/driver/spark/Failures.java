package org.sparklora.driver.spark;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What a failed Spark job says, in a line for a person. */
final class Failures {

    private Failures() {}

    /** What a rank says of another, as Spark quotes it. */
    private static final Pattern PEER = Pattern.compile("PeerException: (.*)");

    /** What a rank said of another, or else the innermost message; Spark's own holds the whole trace of the task. */
    static String summary(Throwable failure) {
        for (Throwable t = failure; t != null; t = t.getCause()) {
            Matcher peer = PEER.matcher(String.valueOf(t.getMessage()));
            if (peer.find()) {
                return peer.group(1).strip();
            }
        }
        Throwable inner = failure;
        while (inner.getCause() != null) {
            inner = inner.getCause();
        }
        String message = String.valueOf(inner.getMessage());
        return message.lines()
                .filter(line -> !line.isBlank())
                .findFirst()
                .orElse(inner.getClass().getSimpleName());
    }
}
