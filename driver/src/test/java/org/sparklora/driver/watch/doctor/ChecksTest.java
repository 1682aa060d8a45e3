package org.sparklora.driver.watch.doctor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.sparklora.driver.watch.doctor.Finding.Verdict;
import org.sparklora.driver.watch.doctor.MemoryChecks.Need;
import org.sparklora.driver.watch.doctor.MemoryChecks.Room;
import org.sparklora.worker.contract.ClockReading;
import org.sparklora.worker.contract.HostReport;
import org.sparklora.worker.contract.HostReport.Hardware;
import org.sparklora.worker.contract.HostReport.Natives;
import org.sparklora.worker.contract.HostReport.Software;

/** Facts in, lines out. */
class ChecksTest {

    private static final long GB = 1_000_000_000L;
    private static final Software SOFTWARE =
            new Software("17.0.15+6", "3.5.5", "2.12.18", "0.1.0", new Natives(true, "2.7.1"));
    private static final Hardware HARDWARE = new Hardware("CPU A", List.of("avx2", "fma"), 4, 16 * GB, GB);

    private static HostReport executor(int id, String host, Software software, Hardware hardware, String... folders) {
        return new HostReport(String.valueOf(id), host, software, hardware, List.of(folders));
    }

    private static Software software(String java, String spark, String jar, Natives natives) {
        return new Software(java, spark, "2.12.18", jar, natives);
    }

    private static List<String> lines(List<Finding> findings) {
        return findings.stream().map(Finding::line).toList();
    }

    @Test
    void whatIsNotOkHasARemedyAndWhatIsHasNone() {
        assertThatThrownBy(() -> new Finding(Verdict.WARNING, "dust", Optional.empty()))
                .hasMessage("WARNING 'dust' without a remedy; warnings and problems have one");
        assertThatThrownBy(() -> new Finding(Verdict.OK, "clean", Optional.of("wipe")))
                .hasMessage("OK 'clean' with a remedy; warnings and problems have one");
        assertThat(Finding.problem("dust", "wipe").line()).isEqualTo("problem  dust - wipe");
        assertThat(Finding.ok("clean").line()).isEqualTo("ok       clean");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            1.8.0_402 | problem  Java 1.8.0_402 - set JAVA_HOME to a Java 17
            11.0.27   | problem  Java 11.0.27 - set JAVA_HOME to a Java 17
            17.0.15+6 | ok       Java 17.0.15+6
            21        | ok       Java 21
            24.0.1    | warning  Java 24.0.1 - Spark is tested with Java 17
            """)
    void javaVersions(String version, String line) {
        assertThat(VersionChecks.java(version.startsWith("1.8") ? "8.0.402" : version)
                        .line())
                .isEqualTo(line.replace("1.8.0_402", "8.0.402"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            3.5.5         | 2.12.18 | ok       Spark 3.5.5, Scala 2.12.18
            3.5.4-amzn-0  | 2.12.18 | ok       Spark 3.5.4-amzn-0, Scala 2.12.18
            3.4.1         | 2.12.17 | warning  Spark 3.4.1, Scala 2.12.17 - this jar is made for Spark 3.5.5 on Scala 2.12, and has not been tried with this one
            3.5.5         | 2.13.8  | problem  Spark 3.5.5, Scala 2.13.8 - this jar is made for Spark 3.5.5 on Scala 2.12: take a Spark on Scala 2.12, or the jar for this one
            4.0.1         | 2.13.16 | problem  Spark 4.0.1, Scala 2.13.16 - this jar is made for Spark 3.5.5 on Scala 2.12: take a Spark on Scala 2.12, or the jar for this one
            2.4.8         | 2.12.10 | problem  Spark 2.4.8, Scala 2.12.10 - this jar is made for Spark 3.5.5 on Scala 2.12: take Spark 3.5, or the jar for this one
            """)
    void sparkVersions(String spark, String scala, String line) {
        assertThat(new VersionChecks("3.5.5", "2.12").spark(spark, scala).line())
                .isEqualTo(line);
    }

    @Test
    void theBuildWritesIntoTheJarWhatItIsMadeFor() {
        VersionChecks jar = VersionChecks.ofThisJar();
        String spark = org.apache.spark.package$.MODULE$.SPARK_VERSION();
        assertThat(jar.spark()).isEqualTo(spark);
        assertThat(jar.spark(spark, scala.util.Properties.versionNumberString()).verdict())
                .isEqualTo(Verdict.OK);
    }

    @Test
    void fewerExecutorsThanAskedForIsAWarning() {
        ExecutorChecks two =
                new ExecutorChecks(List.of(executor(1, "a", SOFTWARE, HARDWARE), executor(2, "b", SOFTWARE, HARDWARE)));
        assertThat(two.number(OptionalInt.of(2)).line()).isEqualTo("ok       2 executors on 2 hosts answered");
        assertThat(two.number(OptionalInt.empty()).verdict()).isEqualTo(Verdict.OK);
        assertThat(two.number(OptionalInt.of(3)).line())
                .isEqualTo("warning  2 executors on 2 hosts answered, 3 are asked for - the cluster has no room for the"
                        + " others, or they are late: ask for less of them, or of each");
    }

    @Test
    void executorsOfOtherVersionsAreNamed() {
        Natives fine = new Natives(true, "2.7.1");
        assertThat(lines(new ExecutorChecks(List.of(executor(1, "a", SOFTWARE, HARDWARE))).versions(SOFTWARE)))
                .containsExactly("ok       executors have the driver's Java, Spark, Scala and spark-lora");
        ExecutorChecks mixed = new ExecutorChecks(List.of(
                executor(1, "a", software("17.0.1", "3.5.5", "0.1.0", fine), HARDWARE),
                executor(2, "b", software("21.0.1", "3.5.1", "0.0.9", fine), HARDWARE),
                executor(3, "c", software("17.0.1", "3.5.1", "0.1.0", fine), HARDWARE)));
        assertThat(lines(mixed.versions(SOFTWARE)))
                .containsExactly(
                        "problem  Spark 3.5.5 on the driver, but 3.5.1 on b, c - driver and executors need the same Spark:"
                                + " check SPARK_HOME, and the image or the nodes",
                        "problem  spark-lora 0.1.0 on the driver, but 0.0.9 on b - nodes have an older jar: install the"
                                + " same package on all of them",
                        "warning  Java 17 on the driver, but 21 on b - set spark.executorEnv.JAVA_HOME to the same Java,"
                                + " 17");
    }

    @Test
    void nativesThatDoNotLoadAreNamedWithTheReason() {
        Natives broken = new Natives(false, "java.lang.UnsatisfiedLinkError: no libtorch");
        ExecutorChecks checks = new ExecutorChecks(List.of(
                executor(1, "a", SOFTWARE, HARDWARE),
                executor(2, "b", software("17", "3.5.5", "0.1.0", broken), HARDWARE)));
        assertThat(checks.natives().line())
                .startsWith(
                        "problem  PyTorch does not load on b; b says java.lang.UnsatisfiedLinkError: no libtorch - give"
                                + " the natives by --jars");
        assertThat(new ExecutorChecks(List.of(executor(1, "a", SOFTWARE, HARDWARE)))
                        .natives()
                        .line())
                .isEqualTo("ok       PyTorch 2.7.1 loads on all executors");
    }

    @Test
    void differentCpusAndMissingAvx2AreWarnings() {
        Hardware other = new Hardware("CPU B", List.of(), 4, 16 * GB, GB);
        ExecutorChecks checks =
                new ExecutorChecks(List.of(executor(1, "a", SOFTWARE, HARDWARE), executor(2, "b", SOFTWARE, other)));
        assertThat(lines(checks.cpus()))
                .containsExactly(
                        "warning  executors have different CPUs: CPU A with AVX2, FMA on a; CPU B on b - which of them"
                                + " computes a shard shows in the last bits, so a run repeats bit by bit on one type only:"
                                + " take machines of one type where that matters",
                        "warning  no AVX2 on b - PyTorch computes several times slower without: take other machines, or let"
                                + " the virtual machine show the CPU's features");
        Hardware wide = new Hardware("CPU C", List.of("avx2", "avx512f", "fma"), 4, 16 * GB, GB);
        assertThat(lines(new ExecutorChecks(List.of(executor(1, "a", SOFTWARE, wide))).cpus()))
                .containsExactly("ok       CPU CPU C with AVX2, AVX-512, FMA");
    }

    @Test
    void aModelThatIsNotTheSameEverywhereIsAProblem() {
        String here = "config.json 2, model.safetensors 5";
        ExecutorChecks checks = new ExecutorChecks(List.of(
                executor(1, "a", SOFTWARE, HARDWARE, here),
                executor(2, "b", SOFTWARE, HARDWARE, "does not exist or cannot be read")));
        assertThat(checks.model("/m", here).line())
                .isEqualTo(
                        "problem  base model /m is not on every host what it is on the driver: b; on b: is not there or"
                                + " cannot be read - copy it to the same path on every node, e.g. by --model of scripts/emr or"
                                + " scripts/dataproc, or name it by a URI that every node can read");
        assertThat(new ExecutorChecks(List.of(executor(1, "a", SOFTWARE, HARDWARE, here)))
                        .model("/m", here)
                        .verdict())
                .isEqualTo(Verdict.OK);
    }

    @ParameterizedTest
    @CsvSource({
        "1000, 1000, 1000, 0",
        "1000, 1500, 2000, 0",
        "1000, 999, 2000, -1",
        "1000, 2001, 2000, 1",
        "1000, 92000, 2000, 90000"
    })
    void skewIsWhatLiesOutsideTheRoundTrip(long before, long reading, long after, long skew) {
        assertThat(ClockChecks.skew(before, reading, after)).isEqualTo(skew);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            100050   | 100100   | ok       clocks agree within 0.2 s on 2 hosts
            101500   | 100100   | ok       clocks agree within 1.5 s on 2 hosts
            103200   | 100100   | warning  the clock of a is at least 3.0 s ahead of the driver's - logs of several hosts cannot be put in order: run an NTP client on every host
            97000    | 102300   | warning  the clock of a is at least 3.0 s behind the driver's - logs of several hosts cannot be put in order: run an NTP client on every host
            100100   | -300000  | problem  the clock of b is at least 400.0 s behind the driver's - Kerberos and object stores refuse requests from such hosts: run an NTP client on every host
            """)
    void clocks(long a, long b, String line) {
        List<ClockReading> readings = List.of(new ClockReading("a", a), new ClockReading("b", b));
        assertThat(ClockChecks.of(100_000, 100_200, readings).line()).isEqualTo(line);
    }

    @Test
    void tasksShareNoCores() {
        List<HostReport> two = List.of(executor(1, "a", SOFTWARE, HARDWARE), executor(2, "a", SOFTWARE, HARDWARE));
        assertThat(lines(SlotChecks.cores(4, 1, two))).containsExactly("ok       4 task slots, with a core for each");
        assertThat(lines(SlotChecks.cores(6, 1, two)))
                .containsExactly("warning  a has 4 cores for tasks of 6 - tasks that share a core wait for one another:"
                        + " lower spark.executor.cores");
        assertThat(SlotChecks.taskCpus(1).verdict()).isEqualTo(Verdict.OK);
        assertThat(SlotChecks.taskCpus(3).line())
                .isEqualTo(
                        "warning  spark.task.cpus is 3 - each task computes on one thread: with 1 the same cores run 3"
                                + " times the shards");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            4  | 8 | ok       4 task slots for training.shards 8: each computes 2 of a batch's shards
            8  | 8 | ok       8 task slots for training.shards 8: each computes 1 of a batch's shards
            3  | 8 | ok       3 task slots for training.shards 8: the busiest compute 3 of a batch's shards
            7  | 8 | warning  7 task slots for training.shards 8: the busiest compute 2 of a batch's shards - as fast with 4 slots, for all wait for the busiest; 8 would be faster
            12 | 8 | warning  12 task slots for training.shards 8 - 4 would idle: ask for fewer cores, or raise training.shards, which changes the bits
            """)
    void slotsForShards(int slots, int shards, String line) {
        assertThat(SlotChecks.shards(slots, shards).line()).isEqualTo(line);
    }

    @Test
    void whatDynamicAllocationCostsIsSaid() {
        assertThat(SlotChecks.exchange(true, "the executors stay", OptionalInt.empty())
                        .line())
                .isEqualTo("ok       exchange peer: the executors stay");
        assertThat(SlotChecks.exchange(false, "execution.exchange says so", OptionalInt.empty())
                        .verdict())
                .isEqualTo(Verdict.OK);
        assertThat(SlotChecks.exchange(false, "dynamic allocation is on", OptionalInt.empty())
                        .line())
                .isEqualTo(
                        "warning  exchange driver: dynamic allocation is on - the same bits, but each step waits for the"
                                + " driver: spark.dynamicAllocation.enabled=false with a spark.executor.instances exchanges among"
                                + " executors");
    }

    /** A tenth of the heap, 384 MB at least, or what the settings say. */
    @Test
    void aContainersRoomIsItsOverhead() {
        long mb = 1L << 20;
        assertThat(MemoryChecks.ofContainer(1024 * mb, Optional.empty(), Optional.empty()))
                .isEqualTo(new Room(384 * mb, true));
        assertThat(MemoryChecks.ofContainer(8000 * mb, Optional.empty(), Optional.empty()))
                .isEqualTo(new Room(800 * mb, true));
        assertThat(MemoryChecks.ofContainer(8000 * mb, Optional.empty(), Optional.of(0.5)))
                .isEqualTo(new Room(4000 * mb, true));
        assertThat(MemoryChecks.ofContainer(8000 * mb, Optional.of(100 * mb), Optional.of(0.5)))
                .isEqualTo(new Room(100 * mb, true));
    }

    @Test
    void aHostsRoomIsSharedByItsExecutors() {
        Hardware small = new Hardware("CPU A", List.of(), 4, 7 * GB, GB);
        Stream<HostReport> crowded = Stream.of(1, 2, 3).map(id -> executor(id, "b", SOFTWARE, small));
        List<HostReport> executors = Stream.concat(Stream.of(executor(9, "a", SOFTWARE, HARDWARE)), crowded)
                .toList();
        // (7 - 3) / 3
        assertThat(MemoryChecks.ofHosts(executors)).isEqualTo(new Room(4 * GB / 3, false));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            2500 | true  | ok
            2240 | true  | warning  2.2 GB outside the heap for each executor, 2.0 GB counted: 600.0 MB for PyTorch, 400.0 MB of base weights, 2 tasks of 500.0 MB, which leaves little - give spark.executor.memoryOverhead=3g, or raise training.gradient_accumulation_steps
            1999 | true  | problem  2.0 GB outside the heap for each executor, 2.0 GB counted: 600.0 MB for PyTorch, 400.0 MB of base weights, 2 tasks of 500.0 MB - give spark.executor.memoryOverhead=3g, or raise training.gradient_accumulation_steps
            1000 | false | problem  1.0 GB outside the heap for each executor, 2.0 GB counted: 600.0 MB for PyTorch, 400.0 MB of base weights, 2 tasks of 500.0 MB - give executors less heap or fewer cores, or raise training.gradient_accumulation_steps
            """)
    void memoryAgainstThePlan(long megabytes, boolean container, String line) {
        Finding finding =
                MemoryChecks.of(new Room(megabytes * 1_000_000, container), new Need(400_000_000, 500_000_000, 2));
        assertThat(finding.line()).startsWith(line);
        assertThat(finding.verdict().label()).isEqualTo(line.split(" ")[0]);
    }

    @Test
    void memoryWithoutAJob() {
        assertThat(MemoryChecks.withoutJob(new Room(3 * GB, true)).verdict()).isEqualTo(Verdict.OK);
        assertThat(MemoryChecks.withoutJob(new Room(GB, true)).line())
                .isEqualTo(
                        "warning  1.0 GB outside the heap for each executor, where PyTorch takes 600.0 MB before any model"
                                + " - give spark.executor.memoryOverhead, such as 2g; doctor --config JOB tells how much");
        assertThat(MemoryChecks.withoutJob(new Room(GB, false)).remedy().orElseThrow())
                .startsWith("give executors less heap");
        assertThat(MemoryChecks.driverHeap(GB, 2).line())
                .isEqualTo("ok       2 cores and 1.0 GB of heap in the driver");
        assertThat(MemoryChecks.driverHeap(GB / 2, 1).verdict()).isEqualTo(Verdict.WARNING);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            true  |                                                                                                | ok       authentication is off, and nothing leaves this machine
            false |                                                                                                | warning  authentication is off: who reaches
            false | spark.authenticate=true                                                                        | warning  executors authenticate, but what they exchange is not encrypted - set spark.network.crypto.enabled=true
            false | spark.authenticate=true spark.network.crypto.enabled=true                                      | ok       executors authenticate and encrypt
            false | spark.authenticate=true spark.authenticate.enableSaslEncryption=true                           | ok       executors authenticate and encrypt
            true  | spark.authenticate=true                                                                        | ok       executors authenticate
            false | spark.master=yarn spark.authenticate=true spark.network.crypto.enabled=true spark.shuffle.service.enabled=true | warning  authentication is on, and so is the node's shuffle service
            """)
    void authentication(boolean oneMachine, String settings, String line) {
        Map<String, String> map = new TreeMap<>();
        for (String setting : settings == null ? new String[0] : settings.split(" ")) {
            map.put(setting.split("=")[0], setting.split("=")[1]);
        }
        assertThat(SecurityChecks.of(oneMachine, map).line()).startsWith(line);
    }
}
