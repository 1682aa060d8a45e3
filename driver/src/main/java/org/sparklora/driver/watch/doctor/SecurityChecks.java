package org.sparklora.driver.watch.doctor;

import java.util.Map;

/** Authentication and encryption between executors. */
public final class SecurityChecks {

    private SecurityChecks() {}

    /**
     * Checks Spark's settings.
     *
     * @param oneMachine whether no data leaves it: a local master, or executors on loopback next to the driver
     * @param settings spark.*
     */
    public static Finding of(boolean oneMachine, Map<String, String> settings) {
        boolean authenticates = on(settings, "spark.authenticate");
        boolean encrypts =
                on(settings, "spark.network.crypto.enabled") || on(settings, "spark.authenticate.enableSaslEncryption");
        if (!authenticates && oneMachine) {
            return Finding.ok("authentication is off, but no data leaves this machine");
        }
        if (!authenticates) {
            String remedy =
                    "set spark.authenticate=true and spark.network.crypto.enabled=true; a standalone cluster also"
                            + " needs the same spark.authenticate.secret everywhere";
            String found = "authentication is off: anyone who reaches the executors' ports can read rows and gradients"
                    + " and run code";
            return Finding.warning(found, remedy);
        }
        boolean yarn = settings.getOrDefault("spark.master", "").equals("yarn");
        if (yarn && on(settings, "spark.shuffle.service.enabled")) {
            String remedy =
                    "set spark.authenticate=true for that service in yarn-site.xml, or executors fail to register;"
                            + " without dynamic allocation, set spark.shuffle.service.enabled=false";
            return Finding.warning("authentication and the external shuffle service are both on", remedy);
        }
        if (encrypts || oneMachine) {
            return Finding.ok("executors authenticate" + (encrypts ? " and encrypt" : ""));
        }
        return Finding.warning(
                "executors authenticate, but their traffic is not encrypted", "set spark.network.crypto.enabled=true");
    }

    private static boolean on(Map<String, String> settings, String key) {
        return settings.getOrDefault(key, "false").equals("true");
    }
}
