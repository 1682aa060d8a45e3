package org.sparklora.driver.run.history;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.sparklora.driver.cluster.FaultyFileSystem;
import org.sparklora.driver.cluster.HadoopRunDirectory;

/** Two processes never write to one run directory, wherever it is. */
class LeasedRunDirectoryTest {

    private static final String APPLICATION = "application_1700000000000_0042";

    @TempDir
    private Path folder;

    private final SteppingClock clock = new SteppingClock();
    private final List<LeasedRunDirectory> opened = new ArrayList<>();
    private int tokens;

    /** File systems. */
    enum Kind {
        LOCAL,
        AS_HDFS,
        OBJECT_STORE;

        RunDirectory open(Path folder) throws IOException {
            FaultyFileSystem disk = FaultyFileSystem.disk();
            return switch (this) {
                case LOCAL -> new LocalRunDirectory(folder);
                case AS_HDFS -> new HadoopRunDirectory(disk, disk.at(folder));
                case OBJECT_STORE -> new HadoopRunDirectory(disk.objectStore(), disk.at(folder));
            };
        }
    }

    @AfterEach
    void close() {
        opened.forEach(LeasedRunDirectory::close);
    }

    private LeasedRunDirectory as(RunDirectory directory, String application, int attempt, String host, long process) {
        tokens++;
        Lease self = new Lease(0, 0, application, attempt, host, "", process, "token" + tokens, "");
        LeasedRunDirectory leased = new LeasedRunDirectory(directory, clock, self);
        opened.add(leased);
        return leased;
    }

    private LeasedRunDirectory attempt(RunDirectory directory, int attempt) {
        return as(directory, APPLICATION, attempt, "node" + attempt, 70 + attempt);
    }

    private static String text(RunDirectory directory, String name) throws IOException {
        return new String(directory.read(name), UTF_8);
    }

    @ParameterizedTest
    @EnumSource
    void anotherApplicationWaitsUntilTheLeaseExpires(Kind kind) throws IOException {
        RunDirectory directory = kind.open(folder);
        LeasedRunDirectory first = attempt(directory, 1);
        first.write("a", new byte[1]);
        assertThat(first.fencingNumber()).isEqualTo(1);
        clock.advance(Duration.ofSeconds(50));
        first.renew();
        clock.advance(Duration.ofSeconds(35));

        LeasedRunDirectory other = as(directory, "", 0, "edge", 5);
        for (var refused : List.<ThrowingCallable>of(
                () -> other.refuseHeld(),
                () -> other.write("a", new byte[2]),
                () -> other.delete("a"),
                other::fencingNumber)) {
            assertThatThrownBy(refused)
                    .isInstanceOf(OutputException.class)
                    .hasMessageContainingAll(
                            directory.location(),
                            "process 71 on node1 (" + APPLICATION + ", attempt 1)",
                            "35 s old",
                            "expires in 85 s",
                            "[output.lease-held]");
        }
        assertThat(directory.read("a")).hasSize(1);
        assertThat(other.isHeld()).isFalse();
        assertThat(other.isLost()).isFalse();

        clock.advance(Duration.ofSeconds(85));
        other.write("a", new byte[2]);
        assertThat(other.fencingNumber()).isEqualTo(2);
        assertThatThrownBy(() -> first.write("a", new byte[3]))
                .isInstanceOf(OutputException.class)
                .hasMessageContainingAll("process 5 on edge;", "[output.lease-lost]");
        assertThat(directory.read("a")).hasSize(2);
    }

    @ParameterizedTest
    @EnumSource
    void aHigherAttemptTakesOverAndTheLowerOneChangesNothing(Kind kind) throws IOException {
        RunDirectory directory = kind.open(folder);
        LeasedRunDirectory first = attempt(directory, 1);
        RunHistory history = new RunHistory(first, clock);
        history.append(HistoryEvent.stop(0, "first"));
        history.commit();
        LeasedRunDirectory second = attempt(directory, 2);
        RunHistory resumed = RunHistory.resume(second, clock, history.committedBytes());
        second.write("status.json", "of the second".getBytes(UTF_8));

        history.append(HistoryEvent.stop(1, "lost"));
        for (var refused : List.<ThrowingCallable>of(
                history::commit,
                history::join,
                () -> first.write("status.json", new byte[0]),
                () -> first.delete("status.json"),
                () -> first.end())) {
            assertThatThrownBy(refused)
                    .isInstanceOf(OutputException.class)
                    .hasMessageContainingAll(
                            directory.location() + " was taken over by process 72 on node2 (" + APPLICATION
                                    + ", attempt 2)",
                            "[output.lease-lost]");
        }
        assertThat(first.isLost()).isTrue();
        first.renew();
        assertThatThrownBy(() -> attempt(directory, 1).fencingNumber())
                .as("a lower attempt never takes over")
                .hasMessageContaining("[output.lease-held]");

        resumed.append(HistoryEvent.stop(2, "second"));
        resumed.commit();
        resumed.join();
        second.end();
        assertThat(text(directory, "history.jsonl")).contains("first", "second").doesNotContain("lost");
        assertThat(text(directory, "status.json")).isEqualTo("of the second");
        assertThat(directory.list("lease")).containsExactly("000002.json");
    }

    /** What a process still sends when it was replaced after it had read the lease. */
    @ParameterizedTest
    @EnumSource
    void aSegmentThatArrivesTooLateIsNotRead(Kind kind) throws IOException {
        RunDirectory directory = kind.open(folder);
        RunHistory history = new RunHistory(attempt(directory, 1), clock);
        history.append(HistoryEvent.stop(0, "first"));
        history.commit();
        String late = List.copyOf(directory.list("history")).get(0);
        byte[] bytes = directory.read("history/" + late);
        LeasedRunDirectory second = attempt(directory, 2);
        RunHistory resumed = RunHistory.resume(second, clock, 0);
        resumed.append(HistoryEvent.stop(2, "second"));
        resumed.commit();
        directory.write("history/" + late, (new String(bytes, UTF_8) + "{}\n").getBytes(UTF_8));
        assertThat(new String(StoredHistory.of(directory).readAll(), UTF_8)).isEqualTo(line("second", 2));
        resumed.join();
        second.end();
        directory.write("history/" + late, bytes);
        assertThat(new String(StoredHistory.of(directory).readAll(), UTF_8)).isEqualTo(line("second", 2));

        // A third process goes on from there, with the late segment in the way.
        LeasedRunDirectory third = as(directory, "", 0, "edge", 5);
        third.write("status.json", new byte[0]);
        long length = directory.read("history.jsonl").length;
        RunHistory further = RunHistory.resume(third, clock, length);
        further.append(HistoryEvent.stop(3, "third"));
        further.commit();
        assertThat(new String(StoredHistory.of(directory).readAll(), UTF_8))
                .isEqualTo(line("second", 2) + line("third", 3));
    }

    private static String line(String reason, int epoch) {
        return "{\"event\":\"stop\",\"time\":\"2026-01-01T00:00:00Z\",\"epoch\":" + epoch + ",\"reason\":\"" + reason
                + "\"}\n";
    }

    @Test
    void aRunThatEndedGivesTheDirectoryBack() throws IOException {
        RunDirectory directory = new LocalRunDirectory(folder);
        LeasedRunDirectory first = attempt(directory, 1);
        first.write("a", new byte[1]);
        first.end();
        LeasedRunDirectory other = as(directory, "", 0, "edge", 5);
        assertThatCode(() -> other.refuseHeld()).doesNotThrowAnyException();
        assertThat(other.fencingNumber()).as("numbers go on").isEqualTo(2);
    }

    @Test
    void aProcessOfThisHostThatIsGoneHoldsNothing() throws Exception {
        Process process = new ProcessBuilder("true").start();
        assertThat(process.waitFor()).isZero();
        RunDirectory directory = new LocalRunDirectory(folder);
        as(directory, "", 0, "here", process.pid()).write("a", new byte[1]);
        as(directory, "", 0, "here", ProcessHandle.current().pid()).write("a", new byte[2]);
        assertThat(directory.read("a")).hasSize(2);
        assertThatThrownBy(() -> as(directory, "", 0, "here", 5).fencingNumber())
                .as("this process is alive")
                .hasMessageContaining("[output.lease-held]");
    }

    @Test
    void aRunOfThisProcessThatIsOverHoldsNothing() throws IOException {
        RunDirectory directory = new LocalRunDirectory(folder);
        LeasedRunDirectory first = as(directory, "", 0, "here", 7);
        first.write("a", new byte[1]);
        assertThatThrownBy(() -> as(directory, "", 0, "here", 7).fencingNumber())
                .as("two runs of one process")
                .hasMessageContaining("[output.lease-held]");
        first.close();
        assertThat(as(directory, "", 0, "here", 7).fencingNumber()).isEqualTo(2);
    }

    /** On an object store both may create the number; the content decides, at the next write at the latest. */
    @ParameterizedTest
    @EnumSource
    void ofTwoThatTakeTheSameNumberOneWrites(Kind kind) throws IOException {
        RunDirectory directory = kind.open(folder);
        LeasedRunDirectory first = attempt(directory, 1);
        first.write("a", new byte[1]);
        Lease other =
                new Lease(1, 0, "", 0, "edge", "", 5, "other", clock.instant().toString());
        assertThat(directory.create("lease/000001.json", other.toJson())).isFalse();
        directory.write("lease/000001.json", other.toJson());
        assertThatThrownBy(() -> first.write("a", new byte[2]))
                .hasMessageContainingAll("process 5 on edge;", "[output.lease-lost]");
        assertThat(directory.read("a")).hasSize(1);
    }

    @Test
    void aLeaseWhoseWritingWasInterruptedDoesNotCount() throws IOException {
        RunDirectory directory = new LocalRunDirectory(folder);
        LeasedRunDirectory first = attempt(directory, 1);
        first.write("a", new byte[1]);
        directory.write("lease/000002.json", new byte[0]);
        directory.write("lease/000003.json", "{\"number\"".getBytes(UTF_8));
        first.write("a", new byte[2]);
        first.renew();
        assertThatThrownBy(() -> as(directory, "", 0, "edge", 5).fencingNumber())
                .hasMessageContainingAll("process 71", "[output.lease-held]");
        LeasedRunDirectory second = attempt(directory, 2);
        assertThat(second.fencingNumber()).isEqualTo(4);
        second.end();
        assertThat(directory.list("lease")).containsExactly("000004.json");
    }

    @Test
    void aRunWhoseLeaseIsDeletedEnds() throws IOException {
        RunDirectory directory = new LocalRunDirectory(folder);
        LeasedRunDirectory first = attempt(directory, 1);
        first.write("a", new byte[1]);
        directory.delete("lease");
        assertThatThrownBy(() -> first.write("a", new byte[2]))
                .hasMessageContainingAll("has no lease any more", "[output.lease-lost]");
        first.renew();
        assertThat(directory.exists("lease")).isFalse();
    }

    @Test
    void yarnNamesApplicationAndAttempt() {
        Lease epoch = Lease.ofThisProcess(Map.of("CONTAINER_ID", "container_e17_1700000000000_0042_02_000001"));
        assertThat(epoch.holder())
                .startsWith("process " + ProcessHandle.current().pid() + " on ")
                .endsWith(" (" + APPLICATION + ", attempt 2)");
        assertThat(Lease.ofThisProcess(Map.of("CONTAINER_ID", "container_1700000000000_0042_01_000001"))
                        .isReplacedBy(epoch))
                .isTrue();
        Lease elsewhere = Lease.ofThisProcess(Map.of());
        assertThat(elsewhere.holder()).doesNotContain("attempt");
        assertThat(elsewhere.isReplacedBy(elsewhere)).isFalse();
    }
}
