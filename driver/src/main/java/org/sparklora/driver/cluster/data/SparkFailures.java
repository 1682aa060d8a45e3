package org.sparklora.driver.cluster.data;

/** Tells bad input from a bad cluster when a reading job fails. */
final class SparkFailures {

    private SparkFailures() {}

    /** What to throw for a failure while a source was read. */
    static RuntimeException reading(Source source, Exception e) {
        String all = "";
        Throwable root = e;
        for (Throwable t = e; t != null; t = t.getCause()) {
            all += t + "\n";
            root = t;
        }
        if (all.contains("ExecutorLostFailure")
                || all.contains("cancelled")
                || all.contains("SparkContext")
                || root instanceof InterruptedException) {
            return e instanceof RuntimeException r ? r : new IllegalStateException(e);
        }
        String message = root.getMessage() == null ? root.toString() : root.getMessage();
        String line = message.strip().lines().findFirst().orElse("");
        return new DataException(
                "'" + source.path() + "' cannot be read: " + (line.length() > 300 ? line.substring(0, 300) + "…" : line)
                        + "; check the file, its permissions, and format and options in the data section",
                e);
    }
}
