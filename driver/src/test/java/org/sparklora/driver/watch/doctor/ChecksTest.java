package org.sparklora.driver.watch.doctor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.sparklora.driver.watch.doctor.Finding.Verdict;
import org.sparklora.driver.watch.doctor.MemoryChecks.Need;
import org.sparklora.driver.watch.doctor.MemoryChecks.Room;
import org.sparklora.worker.contract.ClockReading;
import org.sparklora.worker.contract.HostException;
import org.sparklora.worker.contract.HostReport;
import org.sparklora.worker.contract.HostReport.Hardware;
import org.sparklora.worker.contract.HostReport.Natives;
import org.sparklora.worker.contract.HostReport.Software;

/** Findings of all checks from given facts. */
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
    void onlyWarningsAndProblemsHaveARemedy() {
        assertThatThrownBy(() -> new Finding(Verdict.WARNING, "dust", Optional.empty()))
                .hasMessageContaining("WARNING dust");
        assertThatThrownBy(() -> new Finding(Verdict.OK, "clean", Optional.of("wipe")))
                .hasMessageContaining("OK clean");
        assertThat(Finding.problem("dust", "wipe").line()).isEqualTo("problem  dust - wipe");
        assertThat(Finding.ok("clean").line()).isEqualTo("ok       clean");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            8.0.402   | PROBLEM
            11.0.27   | PROBLEM
            17.0.15+6 | OK
            21        | OK
            24.0.1    | WARNING
            """)
    void javaVersions(String version, Verdict verdict) {
        assertThat(VersionChecks.java(version).verdict()).isEqualTo(verdict);
        assertThat(VersionChecks.java(version).found()).isEqualTo("Java " + version);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            3.5.5         | 2.12.18 | OK      |
            3.5.4-amzn-0  | 2.12.18 | OK      |
            3.4.1         | 2.12.17 | WARNING | Spark 3.5.5
            3.5.5         | 2.13.8  | PROBLEM | Scala 2.12
            4.0.1         | 2.13.16 | PROBLEM | Scala 2.12
            2.4.8         | 2.12.10 | PROBLEM | Spark 3.5
            """)
    void sparkVersions(String spark, String scala, Verdict verdict, @Nullable String needed) {
        Finding finding = new VersionChecks("3.5.5", "2.12").spark(spark, scala);
        assertThat(finding.verdict()).isEqualTo(verdict);
        assertThat(finding.found()).isEqualTo("Spark " + spark + ", Scala " + scala);
        assertThat(finding.remedy().orElse("")).contains(needed == null ? "" : needed);
    }

    @Test
    void theJarKnowsTheVersionsItWasBuiltFor() {
        VersionChecks jar = VersionChecks.ofThisJar();
        String spark = org.apache.spark.package$.MODULE$.SPARK_VERSION();
        assertThat(jar.spark()).isEqualTo(spark);
        assertThat(jar.spark(spark, scala.util.Properties.versionNumberString()).verdict())
                .isEqualTo(Verdict.OK);
    }

    @Test
    void fewerExecutorsThanRequestedIsAWarning() {
        ExecutorChecks two =
                new ExecutorChecks(List.of(executor(1, "a", SOFTWARE, HARDWARE), executor(2, "b", SOFTWARE, HARDWARE)));
        assertThat(two.number(OptionalInt.of(2)).line()).isEqualTo("ok       2 executors on 2 hosts answered");
        assertThat(two.number(OptionalInt.empty()).verdict()).isEqualTo(Verdict.OK);
        assertThat(two.number(OptionalInt.of(3)).line())
                .startsWith("warning  2 executors on 2 hosts answered, 3 requested - ");
    }

    @Test
    void executorsOfOtherVersionsAreNamed() {
        Natives fine = new Natives(true, "2.7.1");
        assertThat(lines(new ExecutorChecks(List.of(executor(1, "a", SOFTWARE, HARDWARE))).versions(SOFTWARE)))
                .singleElement()
                .asString()
                .startsWith("ok ");
        ExecutorChecks mixed = new ExecutorChecks(List.of(
                executor(1, "a", software("17.0.1", "3.5.5", "0.1.0", fine), HARDWARE),
                executor(2, "b", software("21.0.1", "3.5.1", "0.0.9", fine), HARDWARE),
                executor(3, "c", software("17.0.1", "3.5.1", "0.1.0", fine), HARDWARE)));
        assertThat(mixed.versions(SOFTWARE))
                .extracting(finding -> finding.verdict() + " " + finding.found())
                .containsExactly(
                        "PROBLEM Spark 3.5.5 on the driver, but 3.5.1 on b, c",
                        "PROBLEM spark-lora 0.1.0 on the driver, but 0.0.9 on b",
                        "WARNING Java 17 on the driver, but 21 on b");
    }

    @Test
    void nativesThatDoNotLoadAreNamedWithTheReason() {
        Natives broken = new Natives(
                false,
                String.valueOf(HostException.natives(new UnsatisfiedLinkError("no libtorch"))
                        .getMessage()));
        ExecutorChecks checks = new ExecutorChecks(List.of(
                executor(1, "a", SOFTWARE, HARDWARE),
                executor(2, "b", software("17", "3.5.5", "0.1.0", broken), HARDWARE)));
        assertThat(checks.natives().line())
                .startsWith("problem  on b: ")
                .contains("java.lang.UnsatisfiedLinkError: no libtorch - ", "--jars", "DJL_CACHE_DIR")
                .endsWith("[settings.natives]");
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
        assertThat(checks.cpus())
                .extracting(finding -> finding.verdict() + " " + finding.found())
                .containsExactly(
                        "WARNING executors have different CPUs: CPU A with AVX2, FMA on a; CPU B on b",
                        "WARNING no AVX2 on b");
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
                .startsWith("problem  base model /m ")
                .contains("on b: does not exist or cannot be read", "--model");
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
            100050   | 100100   | OK      | within 0.2 s on 2 hosts
            101500   | 100100   | OK      | within 1.5 s on 2 hosts
            103200   | 100100   | WARNING | the clock of a is at least 3.0 s ahead of
            97000    | 102300   | WARNING | the clock of a is at least 3.0 s behind
            100100   | -300000  | PROBLEM | the clock of b is at least 400.0 s behind
            """)
    void clocks(long a, long b, Verdict verdict, String found) {
        List<ClockReading> readings = List.of(new ClockReading("a", a, 1), new ClockReading("b", b, 1));
        Finding finding = ClockChecks.of(100_000, 100_200, readings);
        assertThat(finding.verdict()).isEqualTo(verdict);
        assertThat(finding.found()).contains(found);
    }

    @Test
    void aSlotThatTakesTwiceAsLongIsNamedAsSlow() {
        List<ClockReading> even =
                List.of(new ClockReading("a", 0, 100), new ClockReading("a", 0, 150), new ClockReading("b", 0, 200));
        assertThat(SlotChecks.speed(even)).isEmpty();
        List<ClockReading> uneven = List.of(
                new ClockReading("a", 0, 100),
                new ClockReading("b", 0, 100),
                new ClockReading("c", 0, 310),
                new ClockReading("c", 0, 100));
        assertThat(lines(SlotChecks.speed(uneven)))
                .singleElement()
                .asString()
                .startsWith("warning  a task slot on c is slow: a test computation took 3.1 times as long");
    }

    @Test
    void tasksShareNoCores() {
        List<HostReport> two = List.of(executor(1, "a", SOFTWARE, HARDWARE), executor(2, "a", SOFTWARE, HARDWARE));
        assertThat(lines(SlotChecks.cores(4, 1, two)))
                .singleElement()
                .asString()
                .startsWith("ok       4 task slots");
        assertThat(lines(SlotChecks.cores(6, 1, two)))
                .singleElement()
                .asString()
                .startsWith("warning  a has 4 cores")
                .contains("reserve 6", "spark.executor.cores");
        assertThat(SlotChecks.taskCpus(1).verdict()).isEqualTo(Verdict.OK);
        assertThat(SlotChecks.taskCpus(3).line())
                .startsWith("warning  spark.task.cpus is 3 - ")
                .contains("3 times");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            4  | 8 | ok       4 task slots for training.shards 8: 2 shards of a batch per slot |
            8  | 8 | ok       8 task slots for training.shards 8: 1 shard of a batch per slot |
            3  | 8 | ok       3 task slots for training.shards 8: up to 3 shards of a batch per slot |
            7  | 8 | warning  7 task slots for training.shards 8: up to 2 shards of a batch per slot - 4 slots | use 8
            12 | 8 | warning  12 task slots for training.shards 8 - 4 slots | training.shards
            """)
    void slotsForShards(int slots, int shards, String line, @Nullable String remedy) {
        assertThat(SlotChecks.shards(slots, shards).line()).startsWith(line).contains(remedy == null ? "" : remedy);
    }

    @Test
    void dynamicAllocationIsAWarning() {
        assertThat(SlotChecks.exchange(true, "the executors stay", OptionalInt.empty())
                        .line())
                .isEqualTo("ok       exchange peer: the executors stay");
        assertThat(SlotChecks.exchange(false, "execution.exchange says so", OptionalInt.empty())
                        .verdict())
                .isEqualTo(Verdict.OK);
        assertThat(SlotChecks.exchange(false, "dynamic allocation is on", OptionalInt.empty())
                        .line())
                .startsWith("warning  exchange driver: dynamic allocation is on - ")
                .contains("spark.dynamicAllocation.enabled=false", "spark.executor.instances");
    }

    /** A tenth of the heap, but at least 384 MB, unless set. */
    @Test
    void theMemoryOfAContainerIsItsOverhead() {
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
    void theMemoryOfAHostIsSharedByItsExecutors() {
        Hardware small = new Hardware("CPU A", List.of(), 4, 7 * GB, GB);
        Stream<HostReport> crowded = Stream.of(1, 2, 3).map(id -> executor(id, "b", SOFTWARE, small));
        List<HostReport> executors = Stream.concat(Stream.of(executor(9, "a", SOFTWARE, HARDWARE)), crowded)
                .toList();
        // (7 - 3) / 3
        assertThat(MemoryChecks.ofHosts(executors)).isEqualTo(new Room(4 * GB / 3, false));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            2500 | true  | OK      |
            2240 | true  | WARNING | spark.executor.memoryOverhead=3g
            1999 | true  | PROBLEM | spark.executor.memoryOverhead=3g
            1000 | false | PROBLEM | training.gradient_accumulation_steps
            """)
    void memoryNeededByAPlan(long megabytes, boolean container, Verdict verdict, @Nullable String remedy) {
        Finding finding =
                MemoryChecks.of(new Room(megabytes * 1_000_000, container), new Need(400_000_000, 500_000_000, 2));
        assertThat(finding.verdict()).isEqualTo(verdict);
        assertThat(finding.found()).contains("2.0 GB needed", "600.0 MB", "400.0 MB", "2 tasks of 500.0 MB");
        assertThat(finding.remedy().orElse("")).contains(remedy == null ? "" : remedy);
    }

    @Test
    void memoryWithoutAJob() {
        assertThat(MemoryChecks.withoutJob(new Room(3 * GB, true)).verdict()).isEqualTo(Verdict.OK);
        assertThat(MemoryChecks.withoutJob(new Room(GB, true)).line())
                .startsWith("warning  1.0 GB outside the heap")
                .contains("600.0 MB", "spark.executor.memoryOverhead", "doctor --config JOB");
        assertThat(MemoryChecks.withoutJob(new Room(GB, false)).remedy().orElseThrow())
                .contains("less heap");
        assertThat(MemoryChecks.driverHeap(GB, 2).line()).startsWith("ok       2 cores and 1.0 GB of heap");
        assertThat(MemoryChecks.driverHeap(GB / 2, 1).verdict()).isEqualTo(Verdict.WARNING);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            true  |                                                                              | OK
            false |                                                                              | WARNING
            false | spark.authenticate=true                                                      | WARNING
            false | spark.authenticate=true spark.network.crypto.enabled=true                    | OK
            false | spark.authenticate=true spark.authenticate.enableSaslEncryption=true         | OK
            true  | spark.authenticate=true                                                      | OK
            false | spark.master=yarn spark.authenticate=true spark.network.crypto.enabled=true spark.shuffle.service.enabled=true | WARNING
            """)
    void authentication(boolean oneMachine, @Nullable String settings, Verdict verdict) {
        Map<String, String> map = new TreeMap<>();
        for (String setting : settings == null ? new String[0] : settings.split(" ")) {
            map.put(setting.split("=")[0], setting.split("=")[1]);
        }
        assertThat(SecurityChecks.of(oneMachine, map).verdict()).isEqualTo(verdict);
    }
}
