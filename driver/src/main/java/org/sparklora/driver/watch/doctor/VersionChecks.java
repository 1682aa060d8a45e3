package org.sparklora.driver.watch.doctor;

import java.util.Locale;
import java.util.ResourceBundle;

/**
 * Compares Java, Spark and Scala with the versions that the jar was built for.
 *
 * @param spark the version that the jar was compiled against
 * @param scala the Scala version of that Spark, for example 2.12
 */
public record VersionChecks(String spark, String scala) {

    /** Reads the versions that the build wrote into this jar. */
    public static VersionChecks ofThisJar() {
        ResourceBundle build = ResourceBundle.getBundle(VersionChecks.class.getPackageName() + ".build", Locale.ROOT);
        return new VersionChecks(build.getString("spark"), build.getString("scala"));
    }

    /** Checks the Java version. */
    public static Finding java(String version) {
        String found = "Java " + version;
        int feature = Runtime.Version.parse(version).feature();
        if (feature < 17) {
            return Finding.problem(found, "set JAVA_HOME to a Java 17");
        }
        return feature > 21 ? Finding.warning(found, "use Java 17, which is tested") : Finding.ok(found);
    }

    /** Checks the Spark and Scala versions. */
    public Finding spark(String version, String scalaVersion) {
        String found = "Spark " + version + ", Scala " + scalaVersion;
        String built = "this jar is built for Spark " + spark + " with Scala " + scala;
        if (!scalaVersion.startsWith(scala + ".")) {
            return Finding.problem(found, built + "; use a Spark with Scala " + scala + ", or the jar for this Spark");
        }
        if (!series(version).equals(series(spark))) {
            return version.split("\\.")[0].equals(spark.split("\\.")[0])
                    ? Finding.warning(found, built + " and not tested with this version")
                    : Finding.problem(found, built + "; use Spark " + series(spark) + ", or the jar for this Spark");
        }
        return Finding.ok(found);
    }

    /** {@code 3.5} for {@code 3.5.5}. */
    private static String series(String version) {
        String[] parts = version.split("\\.");
        return parts[0] + "." + (parts.length > 1 ? parts[1] : "0");
    }
}
