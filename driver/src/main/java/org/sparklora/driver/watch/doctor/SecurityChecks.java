package org.sparklora.driver.watch.doctor;

import java.util.Map;

/** Who may talk to the executors, and who may listen. */
public final class SecurityChecks {

    private SecurityChecks() {}

    /**
     * Judges Spark's settings.
     *
     * @param oneMachine whether nothing leaves it: a local master, or executors beside the driver on loopback
     * @param settings spark.*
     */
    public static Finding of(boolean oneMachine, Map<String, String> settings) {
        boolean authenticates = on(settings, "spark.authenticate");
        boolean encrypts =
                on(settings, "spark.network.crypto.enabled") || on(settings, "spark.authenticate.enableSaslEncryption");
        if (!authenticates) {
            return oneMachine
                    ? Finding.ok("authentication is off, and nothing leaves this machine")
                    : Finding.warning(
                            "authentication is off: who reaches the executors' ports can read rows and gradients, and run"
                                    + " code",
                            "set spark.authenticate=true and spark.network.crypto.enabled=true; a standalone cluster needs"
                                    + " the same spark.authenticate.secret on all sides");
        }
        if (on(settings, "spark.shuffle.service.enabled")
                && settings.getOrDefault("spark.master", "").equals("yarn")) {
            return Finding.warning(
                    "authentication is on, and so is the node's shuffle service",
                    "executors fail to register unless that service has spark.authenticate=true in yarn-site.xml; where"
                            + " executors stay, spark.shuffle.service.enabled=false does without it");
        }
        return encrypts || oneMachine
                ? Finding.ok("executors authenticate" + (encrypts ? " and encrypt" : ""))
                : Finding.warning(
                        "executors authenticate, but what they exchange is not encrypted",
                        "set spark.network.crypto.enabled=true");
    }

    private static boolean on(Map<String, String> settings, String key) {
        return settings.getOrDefault(key, "false").equals("true");
    }
}
