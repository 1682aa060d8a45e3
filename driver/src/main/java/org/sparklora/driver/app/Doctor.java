package org.sparklora.driver.app;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.function.Supplier;
import org.apache.spark.SparkConf;
import org.sparklora.driver.config.Exchange;
import org.sparklora.driver.spark.ExchangeChoice;
import org.sparklora.worker.engine.Torch;

/** The checks of {@code doctor}: one line each, ok, warning or problem, with the remedy. */
final class Doctor {

    /** Natives unpack to 450 MB, and each JVM that unpacks needs as much again for a moment. */
    private static final long UNPACKING_BYTES = 1L << 30;

    private final PrintStream out;
    private boolean healthy = true;

    private Doctor(PrintStream out) {
        this.out = out;
    }

    /** Runs every check; true when none found a problem. */
    static boolean examine(PrintStream out) {
        Doctor doctor = new Doctor(out);
        doctor.java();
        doctor.spark();
        doctor.natives();
        doctor.memory();
        doctor.settings();
        return doctor.healthy;
    }

    private void java() {
        int feature = Runtime.version().feature();
        String found = "Java " + Runtime.version();
        if (feature < 17) {
            problem(found, "set JAVA_HOME to a Java 17");
        } else if (feature > 21) {
            warning(found, "Spark 3.5 is tested with Java 17");
        } else {
            ok(found);
        }
    }

    private void spark() {
        String version = org.apache.spark.package$.MODULE$.SPARK_VERSION();
        String found = "Spark " + version + ", Scala " + scala.util.Properties.versionNumberString();
        if (!version.startsWith("3.5.")) {
            warning(found, "this jar is built for Spark 3.5 on Scala 2.12");
        } else {
            ok(found);
        }
    }

    private void natives() {
        attempt(
                "PyTorch natives",
                () -> "PyTorch " + Torch.version() + " loads",
                "put pytorch-native-cpu on the class path: scripts/spark-lora does, or spark-submit --jars");
        Path cache = cache();
        Path existing = cache;
        while (existing != null && !Files.exists(existing)) {
            existing = existing.getParent();
        }
        if (existing == null || !Files.isWritable(existing)) {
            problem(
                    "natives unpack to " + cache + ", which cannot be written",
                    "set DJL_CACHE_DIR to a folder that can");
            return;
        }
        try {
            long free = Files.getFileStore(existing).getUsableSpace();
            String found = String.format(Locale.ROOT, "natives unpack to %s, %,d MB free", cache, free >> 20);
            if (free < UNPACKING_BYTES) {
                warning(found, "unpacking takes up to 1 GB; free some space or set DJL_CACHE_DIR");
            } else {
                ok(found);
            }
        } catch (IOException e) {
            warning("the free space of " + existing + " is unknown: " + e.getMessage(), "check it by hand");
        }
    }

    private static Path cache() {
        for (String variable : new String[] {"ENGINE_CACHE_DIR", "DJL_CACHE_DIR"}) {
            String dir = System.getenv(variable);
            if (dir != null && !dir.isEmpty()) {
                return Path.of(dir);
            }
        }
        return Path.of(System.getProperty("user.home"), ".djl.ai");
    }

    private void memory() {
        long heap = Runtime.getRuntime().maxMemory() >> 20;
        int cores = Runtime.getRuntime().availableProcessors();
        String found = String.format(Locale.ROOT, "%d cores, %,d MB heap in this JVM", cores, heap);
        if (heap < 900) {
            warning(found, "give the driver 1 GB or more: -- --driver-memory 1g");
        } else {
            ok(found);
        }
    }

    private void settings() {
        SparkConf conf = new SparkConf();
        String master = conf.get("spark.master", "local[*]");
        ok("master " + master);
        ExchangeChoice exchange = ExchangeChoice.of(Exchange.AUTO, conf);
        ok("exchange " + exchange.label() + ": " + exchange.reason());
        int taskCpus = conf.getInt("spark.task.cpus", 1);
        if (taskCpus > 1) {
            warning(
                    "spark.task.cpus is " + taskCpus,
                    "each task computes on one thread: with 1 the same cores run " + taskCpus + " times the shards");
        }
    }

    private void attempt(String what, Supplier<String> check, String remedy) {
        try {
            ok(check.get());
        } catch (RuntimeException | LinkageError e) {
            problem(what + " do not load: " + e, remedy);
        }
    }

    private void ok(String found) {
        line("ok", found);
    }

    private void warning(String found, String remedy) {
        line("warning", found + " - " + remedy);
    }

    private void problem(String found, String remedy) {
        healthy = false;
        line("problem", found + " - " + remedy);
    }

    private void line(String verdict, String text) {
        out.printf(Locale.ROOT, "%-8s %s%n", verdict, text);
    }
}
