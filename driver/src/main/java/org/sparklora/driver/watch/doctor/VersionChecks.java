package org.sparklora.driver.watch.doctor;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Objects;
import java.util.Properties;

/**
 * Java, Spark and Scala against those that the jar was made for.
 *
 * @param spark the version that the jar was compiled against
 * @param scala the Scala that this Spark is built with, such as 2.12
 */
public record VersionChecks(String spark, String scala) {

    private static final String BUILD = "build.properties";

    /** Those of this jar, from what the build wrote into it. */
    public static VersionChecks ofThisJar() {
        Properties build = new Properties();
        try (InputStream in = Objects.requireNonNull(VersionChecks.class.getResourceAsStream(BUILD), BUILD)) {
            build.load(in);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return new VersionChecks(build.getProperty("spark", ""), build.getProperty("scala", ""));
    }

    /** Whether a Java runs it. */
    public static Finding java(String version) {
        String found = "Java " + version;
        int feature = Runtime.Version.parse(version).feature();
        if (feature < 17) {
            return Finding.problem(found, "set JAVA_HOME to a Java 17");
        }
        return feature > 21 ? Finding.warning(found, "Spark is tested with Java 17") : Finding.ok(found);
    }

    /** Whether a Spark runs it. */
    public Finding spark(String version, String scalaVersion) {
        String found = "Spark " + version + ", Scala " + scalaVersion;
        String made = "this jar is made for Spark " + spark + " on Scala " + scala;
        if (!scalaVersion.startsWith(scala + ".")) {
            return Finding.problem(found, made + ": take a Spark on Scala " + scala + ", or the jar for this one");
        }
        if (!series(version).equals(series(spark))) {
            boolean sameMajor =
                    version.substring(0, version.indexOf('.')).equals(spark.substring(0, spark.indexOf('.')));
            return sameMajor
                    ? Finding.warning(found, made + ", and has not been tried with this one")
                    : Finding.problem(found, made + ": take Spark " + series(spark) + ", or the jar for this one");
        }
        return Finding.ok(found);
    }

    /** 3.5 of 3.5.5. */
    private static String series(String version) {
        String[] parts = version.split("\\.");
        return parts[0] + "." + (parts.length > 1 ? parts[1] : "0");
    }
}
