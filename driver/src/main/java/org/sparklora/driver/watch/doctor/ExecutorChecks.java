package org.sparklora.driver.watch.doctor;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.sparklora.worker.contract.HostReport;
import org.sparklora.worker.contract.HostReport.Hardware;
import org.sparklora.worker.contract.HostReport.Software;

/**
 * Compares what executors report about themselves with each other and with the driver.
 *
 * @param executors a report of each executor; at least one
 */
public record ExecutorChecks(List<HostReport> executors) {

    /** Checks the number of executors. */
    public Finding number(OptionalInt expected) {
        long hosts = executors.stream().map(HostReport::host).distinct().count();
        String found = count(executors.size(), "executor") + " on " + count(hosts, "host") + " answered";
        if (expected.isPresent() && executors.size() < expected.getAsInt()) {
            String remedy =
                    "the others did not start in time; request fewer executors, or less memory and fewer cores for"
                            + " each";
            return Finding.warning(found + ", " + expected.getAsInt() + " requested", remedy);
        }
        return Finding.ok(found);
    }

    /** Checks that executors have the driver's Java, Spark and spark-lora. */
    public List<Finding> versions(Software driver) {
        List<Finding> findings = new ArrayList<>();
        differs(Software::spark, driver).ifPresent(found -> {
            String remedy =
                    "use the same Spark on driver and executors; check SPARK_HOME and the container image or the"
                            + " nodes";
            findings.add(Finding.problem("Spark " + driver.spark() + " on the driver, but " + found, remedy));
        });
        differs(Software::jar, driver).ifPresent(found -> {
            String both = "spark-lora " + driver.jar() + " on the driver, but " + found;
            findings.add(Finding.problem(both, "install the same package on every node"));
        });
        differs(ExecutorChecks::javaFeature, driver).ifPresent(found -> {
            String both = "Java " + javaFeature(driver) + " on the driver, but " + found;
            findings.add(Finding.warning(both, "set spark.executorEnv.JAVA_HOME to a Java 17"));
        });
        if (findings.isEmpty()) {
            findings.add(Finding.ok("executors have the same Java, Spark, Scala and spark-lora as the driver"));
        }
        return findings;
    }

    private static String javaFeature(Software software) {
        return String.valueOf(Runtime.Version.parse(software.java()).feature());
    }

    private Optional<String> differs(Function<Software, String> version, Software driver) {
        SortedMap<String, String> others = grouped(report -> version.apply(report.software()));
        others.remove(version.apply(driver));
        return others.isEmpty() ? Optional.empty() : Optional.of(joined(others, ", "));
    }

    private static String joined(SortedMap<String, String> hostsByValue, String separator) {
        return hostsByValue.entrySet().stream()
                .map(entry -> entry.getKey() + " on " + entry.getValue())
                .collect(Collectors.joining(separator));
    }

    /** Checks that PyTorch loads on every executor. */
    public Finding natives() {
        SortedMap<String, String> broken = new TreeMap<>();
        for (HostReport report : executors) {
            if (!report.software().natives().load()) {
                broken.put(report.host(), report.software().natives().said());
            }
        }
        if (broken.isEmpty()) {
            return Finding.ok("PyTorch " + executors.get(0).software().natives().said() + " loads on all executors");
        }
        String host = broken.firstKey();
        String hosts = String.join(", ", broken.keySet());
        return Finding.problem("on " + hosts + ": " + broken.get(host));
    }

    /** Checks that executors have the same CPU, and one with AVX2. */
    public List<Finding> cpus() {
        List<Finding> findings = new ArrayList<>();
        SortedMap<String, String> models = grouped(report -> describe(report.hardware()));
        if (models.size() > 1) {
            String remedy =
                    "results differ in the last bits between CPU types; use one type if runs must be reproducible"
                            + " bit by bit";
            findings.add(Finding.warning("executors have different CPUs: " + joined(models, "; "), remedy));
        } else {
            findings.add(Finding.ok("CPU " + models.firstKey()));
        }
        List<String> slow = executors.stream()
                .filter(report -> !report.hardware().features().contains("avx2"))
                .map(HostReport::host)
                .distinct()
                .toList();
        if (!slow.isEmpty()) {
            String remedy =
                    "PyTorch is several times slower without AVX2; use other machines, or expose the CPU's features"
                            + " to the virtual machine";
            findings.add(Finding.warning("no AVX2 on " + String.join(", ", slow), remedy));
        }
        return findings;
    }

    private static String describe(Hardware hardware) {
        String names = hardware.features().stream()
                .map(feature -> feature.equals("avx512f") ? "AVX-512" : feature.toUpperCase(Locale.ROOT))
                .collect(Collectors.joining(", "));
        return hardware.cpu() + (names.isEmpty() ? "" : " with " + names);
    }

    /** Checks that the model's folder has the same files on every host as here. */
    public Finding model(String folder, String here) {
        SortedMap<String, String> others = new TreeMap<>();
        executors.stream()
                .filter(report -> !report.folders().get(0).equals(here))
                .forEach(report -> others.put(report.host(), report.folders().get(0)));
        if (others.isEmpty()) {
            return Finding.ok("base model " + folder + " is the same on the driver and on all executors");
        }
        String host = others.firstKey();
        String hosts = String.join(", ", others.keySet());
        String remedy = "copy it to the same path on every node, for example with --model of scripts/emr or"
                + " scripts/dataproc, or use a URI that every node can read";
        return Finding.problem(
                "base model " + folder + " differs from the driver's on " + hosts + "; on " + host + ": "
                        + others.get(host),
                remedy);
    }

    /** Hosts by what they report. */
    private SortedMap<String, String> grouped(Function<HostReport, String> what) {
        return executors.stream()
                .collect(Collectors.groupingBy(
                        what,
                        TreeMap::new,
                        Collectors.collectingAndThen(
                                Collectors.mapping(HostReport::host, Collectors.toCollection(TreeSet::new)),
                                hosts -> String.join(", ", hosts))));
    }

    static String count(long n, String what) {
        return String.format(Locale.ROOT, "%,d %s%s", n, what, n == 1 ? "" : "s");
    }
}
