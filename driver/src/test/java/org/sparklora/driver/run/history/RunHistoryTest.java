package org.sparklora.driver.run.history;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.driver.job.freeze.EpochMetrics;
import org.sparklora.driver.run.history.HistoryEvent.GroupChange;
import org.sparklora.driver.run.loop.LostExecutor;
import org.sparklora.driver.run.loop.LostExecutor.RunPhase;
import org.sparklora.driver.run.loop.RunListener.CacheStats;
import org.sparklora.driver.run.loop.RunListener.SlowRank;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.Padding;

class RunHistoryTest {

    private static final String TIME = "\"time\":\"2026-01-01T00:00:00Z\"";

    @TempDir
    Path folder;

    private final SteppingClock clock = new SteppingClock();

    @Test
    void everyEventHasItsLine() throws IOException {
        RunDirectory directory = new LocalRunDirectory(folder);
        RunHistory history = new RunHistory(directory, clock);
        FreezeState initial = FreezeState.of(Map.of("top", GroupState.LIVE, "bottom", GroupState.DORMANT));
        history.append(HistoryEvent.run(
                new HistoryEvent.Configuration("c0", "seed: 42\n", 80, initial),
                "ba5e",
                Map.of("data", 43L, "adapter", 42L),
                new HistoryEvent.Environment(Map.of("spark", "3.5.5", "java", "17"), List.of("Some CPU")),
                Map.of("activation_cache", "memory")));
        FreezeState state =
                FreezeState.of(Map.of("top", GroupState.LIVE, "bottom", GroupState.DORMANT, "mid", GroupState.FROZEN));
        history.append(HistoryEvent.epochStart(2, state, 3106, "off: layer 0 trains", "no change"));
        history.append(HistoryEvent.cached(new CacheStats(2, "layer 11", 1400, 2_800_000, "float32", "disk"), 1.25));
        history.append(HistoryEvent.group(GroupChange.THAW, 2, 0, "bottom", "schedule.events[0]: thaw before epoch 2"));
        history.append(HistoryEvent.group(GroupChange.FREEZE, 4, 17, "bottom", "because"));
        history.append(HistoryEvent.group(GroupChange.ADD, 5, 0, "néw", "\"quoted\""));
        history.append(step(126, 0.1f, 0.1));
        history.append(HistoryEvent.epochEnd(
                new EpochMetrics(
                        2,
                        0.5,
                        new TreeMap<>(Map.of("loss", 0.25, "accuracy", 1.0)),
                        new TreeMap<>(Map.of("top", 0.5))),
                new Padding(30, 10),
                Map.of("total", 1.5),
                Map.of("flops", 6.5e9, "all_reduce_bytes", 1024L)));
        history.append(HistoryEvent.failure(2, 127, 1, "lost executor 3"));
        history.append(HistoryEvent.recovered(2, 126, 4));
        history.append(HistoryEvent.waited(2, 130, 1, 4, 61.5));
        history.append(HistoryEvent.executorLost(
                new LostExecutor(RunPhase.CACHING, "3", "worker-2", "Command exited with code 137", 2.5)));
        history.append(HistoryEvent.slow(2, new SlowRank("worker-2", 1, 3, 30.5)));
        history.append(HistoryEvent.restore(7, 4, "plateau"));
        history.append(HistoryEvent.stop(9, "no group is left"));
        history.append(HistoryEvent.finished("ada", 12.25));
        history.commit();

        assertThat(text(directory)).isEqualTo("""
                {"event":"run",TIME,"configuration_sha256":"c0","base_model_sha256":"ba5e",\
                "seeds":{"adapter":42,"data":43},"versions":{"java":"17","spark":"3.5.5"},"cpu":["Some CPU"],\
                "choices":{"activation_cache":"memory"},"steps_per_epoch":80,\
                "initial":{"live":["top"],"frozen":[],"dormant":["bottom"]},"configuration":"seed: 42\\n"}
                {"event":"epoch_start",TIME,"epoch":2,"live":["top"],"frozen":["mid"],"dormant":["bottom"],\
                "trainable_parameters":3106,"all_reduce_bytes_per_step":12424,\
                "activation_cache":"off: layer 0 trains","reason":"no change"}
                {"event":"kept",TIME,"epoch":2,"entering":"layer 11","rows":1400,"bytes":2800000,\
                "activation_cache_type":"float32","storage":"disk","seconds":1.25}
                {"event":"thaw",TIME,"epoch":2,"group":"bottom","reason":"schedule.events[0]: thaw before epoch 2"}
                {"event":"freeze",TIME,"epoch":4,"epoch_step":17,"group":"bottom","reason":"because"}
                {"event":"add",TIME,"epoch":5,"group":"néw","reason":"\\"quoted\\""}
                {"event":"step",TIME,"epoch":2,"step":126,"loss":0.1,"grad_norm":0.1,\
                "group_grad_norm":{"head":0.5,"top":0.25},"learning_rate":{"head":5.0E-4,"top":5.0E-4},"examples":32}
                {"event":"epoch_end",TIME,"epoch":2,"train_loss":0.5,"validation":{"accuracy":1.0,"loss":0.25},\
                "group_grad_norm":{"top":0.5},"tokens":30,"padding":0.25,"seconds":{"total":1.5},\
                "work":{"all_reduce_bytes":1024,"flops":6.5E9}}
                {"event":"failure",TIME,"attempt":1,"epoch":2,"message":"lost executor 3","step":127}
                {"event":"recovered",TIME,"epoch":2,"ranks":4,"step":126}
                {"event":"waited",TIME,"epoch":2,"seconds":61.5,"slots":1,"step":130,"wanted":4}
                {"event":"executor_lost",TIME,"phase":"caching","executor":"3","host":"worker-2",\
                "reason":"Command exited with code 137","seconds":2.5}
                {"event":"slow",TIME,"epoch":2,"host":"worker-2","rank":1,"seconds":30.5,"shards":3}
                {"event":"restore",TIME,"epoch":7,"restored_epoch":4,"reason":"plateau"}
                {"event":"stop",TIME,"epoch":9,"reason":"no group is left"}
                {"event":"finished",TIME,"adapter_sha256":"ada","seconds":12.25}
                """.replace("TIME", TIME));
    }

    @Test
    void numbersReadBackToTheSameBits() throws IOException {
        RunDirectory directory = new LocalRunDirectory(folder);
        RunHistory history = new RunHistory(directory, clock);
        double third = 1.0 / 3.0;
        history.append(step(0, 0.6931472f, third));
        history.append(step(1, Float.MIN_VALUE, Double.MAX_VALUE));
        // Java 17's toString would write 1.9999999999999998E23.
        history.append(step(2, 0.1f, Double.parseDouble("2.0E23")));
        history.commit();
        List<String> lines = text(directory).lines().toList();
        assertThat(lines.get(0)).contains("\"loss\":0.6931472,\"grad_norm\":0.3333333333333333,");
        assertThat(lines.get(2)).contains("\"loss\":0.1,\"grad_norm\":2.0E23,");
        JsonNode first = new ObjectMapper().readTree(lines.get(0));
        assertThat(first.path("grad_norm").asDouble()).isEqualTo(third);
        assertThat(Float.parseFloat(first.path("loss").asText())).isEqualTo(0.6931472f);
        JsonNode second = new ObjectMapper().readTree(lines.get(1));
        assertThat((float) second.path("loss").asDouble()).isEqualTo(Float.MIN_VALUE);
        assertThat(second.path("grad_norm").asDouble()).isEqualTo(Double.MAX_VALUE);
    }

    @Test
    void numbersThatAreNotFiniteAreStrings() throws IOException {
        RunDirectory directory = new LocalRunDirectory(folder);
        RunHistory history = new RunHistory(directory, clock);
        history.append(step(0, Float.NaN, Double.POSITIVE_INFINITY));
        history.append(step(1, Double.NaN, Float.NEGATIVE_INFINITY));
        history.commit();
        assertThat(text(directory))
                .contains("\"loss\":\"NaN\",\"grad_norm\":\"Infinity\"")
                .contains("\"loss\":\"NaN\",\"grad_norm\":\"-Infinity\"");
    }

    @Test
    void linesAppearWhenTheirSegmentCommits() throws IOException {
        RunDirectory directory = new LocalRunDirectory(folder);
        RunHistory history = new RunHistory(directory, clock);
        history.commit();
        assertThat(StoredHistory.of(directory).isEmpty()).isTrue();
        history.append(step(0, 1.0, 1.0));
        assertThat(StoredHistory.of(directory).isEmpty()).isTrue();
        history.commit();
        assertThat(steps(directory)).containsExactly(0);
        assertThat(history.committedBytes()).isEqualTo(text(directory).length());

        clock.advance(Duration.ofMillis(1500));
        history.append(HistoryEvent.failure(2, 1, 1, "x"));
        history.commit();
        history.append(step(1, 1.0, 1.0));
        history.append(step(2, 1.0, 1.0));
        history.commit();
        assertThat(steps(directory)).containsExactly(0, 1, 2);
        assertThat(text(directory)).contains("{\"event\":\"failure\",\"time\":\"2026-01-01T00:00:01.500Z\",");
    }

    @Test
    void aFailedCommitCanBeRepeated() throws IOException {
        FailingOnce directory = new FailingOnce(folder);
        RunHistory history = new RunHistory(directory, clock);
        history.append(step(0, 1.0, 1.0));
        assertThatThrownBy(history::commit).hasMessage("disk full");
        assertThat(history.committedBytes()).isZero();
        history.append(step(1, 1.0, 1.0));
        history.commit();
        assertThat(steps(directory)).containsExactly(0, 1);
    }

    @Test
    void aResumedRunHasEachStepOnceAndKeepsFailures() throws IOException {
        RunHistory history = new RunHistory(numbered(1), clock);
        history.append(step(0, 1.0, 1.0));
        history.commit();
        long checkpoint = history.committedBytes();
        history.append(step(1, 1.0, 1.0));
        history.append(HistoryEvent.failure(2, 1, 1, "out of slots"));
        history.append(HistoryEvent.waited(2, 1, 0, 2, 3.5));
        history.append(
                HistoryEvent.executorLost(new LostExecutor(RunPhase.TRAINING, "3", "worker-2", "spot market", 2.5)));
        history.append(HistoryEvent.slow(2, new SlowRank("worker-7", 1, 3, 30.5)));
        history.commit();

        RunDirectory directory = numbered(2);
        RunHistory resumed = RunHistory.resume(directory, clock, checkpoint);
        resumed.append(step(1, 1.0, 1.0));
        resumed.append(step(2, 1.0, 1.0));
        resumed.commit();
        assertThat(steps(directory)).containsExactly(0, 1, 2);
        assertThat(text(directory)).containsOnlyOnce("out of slots").contains("\"waited\"", "spot market", "worker-7");
        // The same checkpoint can be used again, since nothing before it changes.
        RunHistory again = RunHistory.resume(numbered(3), clock, checkpoint);
        again.append(step(1, 1.0, 1.0));
        again.commit();
        assertThat(steps(directory)).containsExactly(0, 1);
        assertThat(text(directory)).containsOnlyOnce("out of slots");
        assertThat(RunHistory.resume(new LocalRunDirectory(folder.resolve("none")), clock, 0)
                        .committedBytes())
                .isZero();
    }

    @Test
    void refusesACheckpointThatDoesNotFitTheFile() throws IOException {
        RunDirectory directory = new LocalRunDirectory(folder);
        RunHistory history = new RunHistory(directory, clock);
        history.append(HistoryEvent.finished("a", 1.0));
        history.commit();
        long length = history.committedBytes();
        for (long wrong : new long[] {-1, 7, length + 1}) {
            assertThatThrownBy(() -> RunHistory.resume(directory, clock, wrong))
                    .isInstanceOf(OutputException.class)
                    .hasMessageContainingAll(folder + "/history.jsonl", "byte " + wrong, "[output.damaged]");
        }
    }

    private static HistoryEvent step(int step, Number loss, Number norm) {
        return HistoryEvent.step(
                2,
                step,
                loss,
                32,
                new HistoryEvent.GradientNorms(norm, Map.of("top", 0.25, "head", 0.5f)),
                Map.of("top", 5e-4, "head", 5e-4));
    }

    private static String text(RunDirectory directory) throws IOException {
        return new String(StoredHistory.of(directory).readAll(), StandardCharsets.UTF_8);
    }

    private static List<Integer> steps(RunDirectory directory) throws IOException {
        ObjectMapper json = new ObjectMapper();
        List<Integer> steps = new ArrayList<>();
        for (String line : text(directory).lines().toList()) {
            JsonNode node = json.readTree(line);
            if (node.path("event").asText().equals("step")) {
                steps.add(node.path("step").asInt());
            }
        }
        return steps;
    }

    @Test
    void aListenerGetsEveryFurtherLineOnce() throws IOException {
        RunDirectory directory = new LocalRunDirectory(folder);
        RunHistory history = new RunHistory(directory, clock);
        history.append(HistoryEvent.stop(1, "before"));
        history.commit();
        List<String> heard = new ArrayList<>();
        StoredHistory before = history.published();
        history.listen(heard::addAll);
        history.append(HistoryEvent.stop(3, "änd now"));
        assertThat(heard).as("only after the commit").isEmpty();
        history.commit();
        history.commit();
        assertThat(new String(before.readAll(), StandardCharsets.UTF_8) + String.join("\n", heard) + "\n")
                .isEqualTo(text(directory));
    }

    /** The folder, as the process with this fencing number sees it. */
    private RunDirectory numbered(int number) {
        return new Numbered(new LocalRunDirectory(folder), number);
    }

    @Test
    void aCommitWritesNoMoreThanTheLastSegment() throws IOException {
        Numbered directory = new Numbered(new LocalRunDirectory(folder), 1);
        RunHistory history = new RunHistory(directory, clock);
        int commits = 400;
        for (int i = 0; i < 10 * commits; i++) {
            history.append(step(i, 1.0, 1.0));
            if (i % 10 == 9) {
                history.commit();
            }
        }
        long length = history.committedBytes();
        assertThat(length).isGreaterThan(3L * RunHistory.SEGMENT_BYTES);
        assertThat(directory.written)
                .hasSize(commits)
                .allSatisfy(bytes -> assertThat(bytes).isLessThan(RunHistory.SEGMENT_BYTES + 20 * 250));
        assertThat(directory.list()).containsExactly("history");
        assertThat(steps(directory)).hasSize(10 * commits).isSorted();

        byte[] all = StoredHistory.of(directory).readAll();
        history.join();
        assertThat(directory.list()).containsExactly("history.jsonl");
        assertThat(directory.read(RunHistory.FILE)).isEqualTo(all).hasSize((int) length);
        history.append(step(0, 1.0, 1.0));
        assertThatThrownBy(history::commit).isInstanceOf(IllegalStateException.class);
    }

    /** As 0.1.0 and every run that ended left it. */
    @Test
    void aJoinedHistoryIsCutBackByTheFirstCommit() throws IOException {
        RunHistory history = new RunHistory(numbered(1), clock);
        history.append(step(0, 1.0, 1.0));
        history.commit();
        long checkpoint = history.committedBytes();
        history.append(step(1, 1.0, 1.0));
        history.commit();
        history.join();
        byte[] joined = numbered(1).read(RunHistory.FILE);

        RunHistory resumed = RunHistory.resume(numbered(2), clock, checkpoint);
        assertThat(steps(numbered(2))).as("nothing is written before").containsExactly(0, 1);
        resumed.append(step(7, 1.0, 1.0));
        resumed.commit();
        assertThat(steps(numbered(2))).containsExactly(0, 7);
        assertThat(numbered(2).read(RunHistory.FILE)).isEqualTo(joined);
        resumed.join();
        assertThat(steps(numbered(2))).containsExactly(0, 7);
        assertThat(numbered(2).list()).containsExactly("history.jsonl");
    }

    @Test
    void aProcessThatWasReplacedChangesNothingThatIsRead() throws IOException {
        RunHistory old = new RunHistory(numbered(1), clock);
        old.append(step(0, 1.0, 1.0));
        old.commit();
        RunHistory resumed = RunHistory.resume(numbered(2), clock, old.committedBytes());
        resumed.append(step(1, 1.0, 1.0));
        resumed.commit();
        byte[] expected = StoredHistory.of(numbered(2)).readAll();
        for (int i = 0; i < 3000; i++) {
            old.append(step(100 + i, 1.0, 1.0));
            if (i % 100 == 99) {
                old.commit();
            }
        }
        assertThat(StoredHistory.of(numbered(2)).readAll()).isEqualTo(expected);
    }

    @Test
    void anInterruptedJoinLeavesTheSameHistory() throws IOException {
        RunHistory history = new RunHistory(numbered(1), clock);
        for (int i = 0; i < 3000; i++) {
            history.append(step(i, 1.0, 1.0));
            if (i % 100 == 99) {
                history.commit();
            }
        }
        byte[] all = StoredHistory.of(numbered(1)).readAll();
        numbered(1).write(RunHistory.FILE, all);
        assertThat(StoredHistory.of(numbered(1)).readAll()).isEqualTo(all);
        new LocalRunDirectory(folder).delete("history/000001-000000000000000.jsonl");
        assertThat(StoredHistory.of(numbered(1)).readAll()).isEqualTo(all);
    }

    @Test
    void aMissingSegmentIsDamage() throws IOException {
        RunHistory history = new RunHistory(numbered(1), clock);
        for (int i = 0; i < 3000; i++) {
            history.append(step(i, 1.0, 1.0));
            if (i % 100 == 99) {
                history.commit();
            }
        }
        List<String> segments = List.copyOf(numbered(1).list("history"));
        assertThat(segments).hasSizeGreaterThan(2);
        for (String missing : segments.subList(0, 2)) {
            byte[] bytes = numbered(1).read("history/" + missing);
            numbered(1).delete("history/" + missing);
            assertThatThrownBy(() -> StoredHistory.of(numbered(1)).readAll())
                    .isInstanceOf(OutputException.class)
                    .hasMessageContainingAll(
                            folder + "/history/" + segments.get(segments.indexOf(missing) + 1), "[output.damaged]");
            numbered(1).write("history/" + missing, bytes);
        }
    }

    /** Writes under a fencing number and counts bytes. */
    private static final class Numbered extends ForwardingRunDirectory {

        private final int number;
        private final List<Integer> written = new ArrayList<>();

        Numbered(RunDirectory real, int number) {
            super(real);
            this.number = number;
        }

        @Override
        public int fencingNumber() {
            return number;
        }

        @Override
        public void write(String name, byte[] bytes) throws IOException {
            written.add(bytes.length);
            super.write(name, bytes);
        }
    }

    /** A disk that is full once. */
    private static final class FailingOnce extends ForwardingRunDirectory {

        private boolean failed;

        FailingOnce(Path folder) {
            super(new LocalRunDirectory(folder));
        }

        @Override
        public void write(String name, byte[] bytes) throws IOException {
            if (!failed) {
                failed = true;
                throw new IOException("disk full");
            }
            super.write(name, bytes);
        }
    }
}
