package org.sparklora.driver.run.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.driver.job.freeze.EpochMetrics;
import org.sparklora.driver.run.history.ForwardingRunDirectory;
import org.sparklora.driver.run.history.LocalRunDirectory;
import org.sparklora.driver.run.history.RunDirectory;
import org.sparklora.driver.run.loop.TrainingCheckpoint;
import org.sparklora.driver.run.loop.TrainingCheckpoint.EarlierStates;
import org.sparklora.driver.run.loop.TrainingCheckpoint.EpochProgress;
import org.sparklora.driver.run.loop.TrainingCheckpoint.NormSum;
import org.sparklora.driver.run.loop.TrainingCheckpoint.RestorePoint;
import org.sparklora.driver.run.loop.TrainingLoop.Result;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.Padding;
import org.sparklora.worker.train.AdamW.Moments;
import org.sparklora.worker.train.TrainStateSnapshot;

class CheckpointStoreTest {

    private static final int STEPS = 10;
    private static final FreezeState FREEZE =
            FreezeState.of(Map.of("top", GroupState.LIVE, "bottom", GroupState.DORMANT));

    @TempDir
    private Path folder;

    private final List<String> warnings = new ArrayList<>();
    private RunDirectory directory;
    private CheckpointStore store;

    @BeforeEach
    void open() {
        directory = new LocalRunDirectory(folder);
        store = new CheckpointStore(directory);
    }

    /** The process with a fencing number. */
    private static final class Numbered extends ForwardingRunDirectory {

        private final int number;

        Numbered(RunDirectory real, int number) {
            super(real);
            this.number = number;
        }

        @Override
        public int fencingNumber() {
            return number;
        }

        /** As an object store: checkpoints get the number into their names. */
        @Override
        public boolean createsAtomically() {
            return false;
        }
    }

    /** Where a process may still write after another has taken over, no two write one folder. */
    @Test
    void onAnObjectStoreALaterProcessHasItsOwnFoldersAndTheyCount() throws IOException {
        CheckpointStore first = new CheckpointStore(new Numbered(directory, 1));
        CheckpointStore second = new CheckpointStore(new Numbered(directory, 2));
        first.write(numbered(first, 1));
        first.write(numbered(first, 2));
        Checkpoint from = second.newest(warnings::add).orElseThrow();
        assertThat(from.name()).hasToString("epoch-00002");
        second.deleteAfter(Optional.of(from));
        second.write(numbered(second, 3));
        // The first is not dead, but slow.
        first.write(numbered(first, 3));
        first.write(numbered(first, 4));
        assertThat(directory.list("checkpoints")).contains("epoch-00003", "epoch-00003.000002", "epoch-00004");
        Checkpoint newest = store.newest(warnings::add).orElseThrow();
        assertThat(newest.name()).hasToString("epoch-00003.000002");
        assertThat(newest.historyBytes()).isEqualTo(numbered(second, 3).historyBytes());

        CheckpointStore third = new CheckpointStore(new Numbered(directory, 3));
        third.write(numbered(third, 4));
        third.write(numbered(third, 5));
        third.write(numbered(third, 6));
        assertThat(directory.list("checkpoints"))
                .containsExactly("epoch-00004.000003", "epoch-00005.000003", "epoch-00006.000003");
        assertThat(warnings).isEmpty();
    }

    private static Checkpoint numbered(CheckpointStore store, int epochs) throws IOException {
        Checkpoint checkpoint = at(epochs, 0, -1);
        int number = store.fencingNumber();
        return new Checkpoint(checkpoint.point(), number, 10 * number + epochs, checkpoint.origin());
    }

    static Checkpoint at(int epochs, int step, int bestEpoch) {
        float value = epochs + 0.01f * step;
        TrainStateSnapshot state = new TrainStateSnapshot(
                FREEZE,
                new AdapterSnapshot(Map.of("a", new float[] {value, -0f})),
                new TreeMap<>(Map.of("a", new Moments(new float[] {1, 2}, new float[] {3, 4}, 5))),
                new TreeMap<>(Map.of("top", 7L, "head", 8L)));
        List<EpochMetrics> seen = new ArrayList<>();
        for (int e = 0; e < epochs; e++) {
            SortedMap<String, Double> validation = new TreeMap<>(Map.of("auc", Double.NaN, "loss", 1.0 / (3 + e)));
            seen.add(new EpochMetrics(
                    e, 2.0 / (3 + e), validation, new TreeMap<>(Map.of("top", 0.1 + e, "head", Double.MIN_VALUE))));
        }
        Optional<Result> best = bestEpoch < 0
                ? Optional.empty()
                : Optional.of(new Result(new AdapterSnapshot(Map.of("a", new float[] {9, 8})), FREEZE, bestEpoch));
        EpochProgress progress = step == 0
                ? EpochProgress.NONE
                : new EpochProgress(
                        step,
                        0.1 + 0.2,
                        1.0 / 3,
                        Padding.NONE,
                        new TreeMap<>(Map.of("top", new NormSum(1.0 / 3, step))));
        Optional<RestorePoint> restorePoint = best.map(b -> new RestorePoint(b.epoch(), state));
        TrainingCheckpoint point = new TrainingCheckpoint(
                state, seen, progress, (long) epochs * STEPS + step, new EarlierStates(best, restorePoint));
        SortedMap<String, String> origin = new TreeMap<>(Map.of("training rows", "53", "labels", "[\"é\", no]"));
        return new Checkpoint(point, 0, 100 * epochs + step, origin);
    }

    private void write(int epochs, int step, int bestEpoch) throws IOException {
        store.write(at(epochs, step, bestEpoch));
    }

    private SortedSet<String> folders() throws IOException {
        return directory.list("checkpoints");
    }

    private Path file(String name) {
        return folder.resolve("checkpoints").resolve(name);
    }

    @Test
    void everythingComesBack() throws IOException {
        for (Checkpoint checkpoint : List.of(at(1, 0, -1), at(3, 4, 1))) {
            store.write(checkpoint);
            assertThat(store.newest(warnings::add)).contains(checkpoint);
        }
        assertThat(warnings).isEmpty();
        assertThat(directory.list("checkpoints/epoch-00003-step-00000034"))
                .containsExactly("best.bin", "checkpoint.json", "kept.bin", "progress.json", "state.bin");
    }

    @Test
    void withoutAnyThereIsNothing() throws IOException {
        assertThat(store.newest(warnings::add)).isEmpty();
        directory.write("checkpoints/notes.txt", new byte[0]);
        assertThat(store.newest(warnings::add)).isEmpty();
    }

    @Test
    void keepsTheLastThreeAndTheBest() throws IOException {
        write(1, 0, 0);
        write(2, 0, 0);
        write(2, 5, 0);
        assertThat(folders()).hasSize(3);
        write(3, 0, 0);
        assertThat(folders()).containsExactly("epoch-00001", "epoch-00002", "epoch-00002-step-00000025", "epoch-00003");
        write(3, 5, 0);
        write(4, 0, 3);
        assertThat(folders()).containsExactly("epoch-00003", "epoch-00003-step-00000035", "epoch-00004");
        directory.write("checkpoints/notes.txt", new byte[0]);
        write(5, 0, 3);
        write(6, 0, 3);
        write(7, 0, 3);
        assertThat(folders()).containsExactly("epoch-00004", "epoch-00005", "epoch-00006", "epoch-00007", "notes.txt");
    }

    @Test
    void theOneBeforeAValidationMakesWayForItsEpoch() throws IOException {
        write(1, 0, -1);
        write(1, 5, -1);
        write(1, STEPS, -1);
        assertThat(folders()).containsExactly("epoch-00001", "epoch-00001-step-00000015", "epoch-00001-step-00000020");
        assertThat(store.newest(warnings::add)).contains(at(1, STEPS, -1));
        write(2, 0, -1);
        assertThat(folders()).containsExactly("epoch-00001", "epoch-00001-step-00000015", "epoch-00002");
        assertThat(store.newest(warnings::add)).contains(at(2, 0, -1));
    }

    @Test
    void whatIsCountedStepByStepMayBeMissing() throws IOException {
        Checkpoint checkpoint = at(3, 4, 1);
        Map<String, byte[]> parts = CheckpointParts.encode(checkpoint);
        byte[] json = Objects.requireNonNull(parts.get(CheckpointParts.PROGRESS));
        ObjectNode progress = (ObjectNode) CheckpointParts.tree(CheckpointParts.PROGRESS, json);
        ((ObjectNode) progress.get("epoch_under_way")).remove(List.of("weight", "padding"));
        parts.put(CheckpointParts.PROGRESS, CheckpointParts.bytes(progress));
        EpochProgress read = CheckpointParts.decode(parts, 0).point().progress();
        EpochProgress written = checkpoint.point().progress();
        assertThat(read)
                .isEqualTo(new EpochProgress(
                        written.stepsDone(), written.lossSum(), 0, Padding.NONE, written.gradientNorms()));
    }

    @Test
    void aFolderWithoutMarkerIsNoneOfTheThree() throws IOException {
        write(1, 0, -1);
        write(2, 0, -1);
        write(3, 0, -1);
        Files.delete(file("epoch-00003/checkpoint.json"));
        write(4, 0, -1);
        assertThat(folders()).containsExactly("epoch-00001", "epoch-00002", "epoch-00004");
    }

    @Test
    void aFlippedBitAnywhereIsFoundAndTheOneBeforeIsUsed() throws IOException {
        for (String part : List.of("state.bin", "best.bin", "progress.json")) {
            write(1, 0, 0);
            write(2, 0, 0);
            Path file = file("epoch-00002/" + part);
            byte[] whole = Files.readAllBytes(file);
            for (int at = 0; at < whole.length; at++) {
                byte[] damaged = whole.clone();
                damaged[at] ^= (byte) (1 << (at % 8));
                Files.write(file, damaged);
                warnings.clear();
                assertThat(store.newest(warnings::add)).contains(at(1, 0, 0));
                assertThat(warnings)
                        .singleElement()
                        .asString()
                        .startsWith("checkpoint checkpoints/epoch-00002 cannot be" + " used: " + part + " has SHA-256 ")
                        .endsWith("checkpoints/epoch-00001");
            }
        }
    }

    @Test
    void everyTruncationOfEveryFileIsFound() throws IOException {
        for (String part : List.of("state.bin", "best.bin", "progress.json", "checkpoint.json")) {
            write(1, 0, 0);
            write(2, 0, 0);
            Path file = file("epoch-00002/" + part);
            byte[] whole = Files.readAllBytes(file);
            // The last byte of the marker is a line feed, which says nothing.
            for (int length = 0; length < whole.length - 1; length++) {
                Files.write(file, Arrays.copyOf(whole, length));
                assertThat(store.newest(warnings::add))
                        .as(part + " cut to " + length)
                        .contains(at(1, 0, 0));
            }
            Files.delete(file);
            assertThat(store.newest(warnings::add)).as(part + " missing").contains(at(1, 0, 0));
        }
    }

    @Test
    void aFlippedBitInTheMarkerNeverGivesSomethingElse() throws IOException {
        write(1, 0, 0);
        write(2, 0, 0);
        Path file = file("epoch-00002/checkpoint.json");
        byte[] whole = Files.readAllBytes(file);
        for (int at = 0; at < whole.length; at++) {
            for (int bit = 0; bit < 8; bit++) {
                byte[] damaged = whole.clone();
                damaged[at] ^= (byte) (1 << bit);
                Files.write(file, damaged);
                assertThat(store.newest(warnings::add).orElseThrow())
                        .as(at + "." + bit)
                        .isIn(at(1, 0, 0), at(2, 0, 0));
            }
        }
    }

    @Test
    void saysWhatIsWrongWithEach() throws IOException {
        write(1, 0, -1);
        write(2, 0, -1);
        write(3, 0, -1);
        Files.delete(file("epoch-00001/state.bin"));
        Files.writeString(file("epoch-00002/checkpoint.json"), "{\"format\": 2}");
        Files.delete(file("epoch-00003/checkpoint.json"));
        assertThatThrownBy(() -> store.newest(warnings::add))
                .isInstanceOf(CheckpointException.class)
                .satisfies(e -> assertThat(e.getMessage())
                        .containsSubsequence(
                                folder.toString(),
                                "epoch-00003",
                                "checkpoint.json",
                                "epoch-00002",
                                "format 2",
                                "epoch-00001",
                                "state.bin")
                        .endsWith("[checkpoint.unusable]"));
        Files.writeString(file("epoch-00002/checkpoint.json"), "garbage");
        assertThatThrownBy(() -> store.newest(warnings::add)).hasMessageContaining("not JSON");
    }

    @Test
    void aCheckpointUnderAnotherNameIsRefused() throws IOException {
        write(1, 0, -1);
        Files.move(file("epoch-00001"), file("epoch-00009"));
        assertThatThrownBy(() -> store.newest(warnings::add)).hasMessageContaining("it holds epoch-00001");
    }

    @Test
    void aFirstCheckpointThatWasNeverCompletedIsNone() throws IOException {
        write(1, 0, -1);
        Files.delete(file("epoch-00001/checkpoint.json"));
        assertThat(store.newest(warnings::add)).isEmpty();
        assertThat(warnings).singleElement().asString().contains("checkpoints/epoch-00001", "incomplete");
    }

    @Test
    void partsOfAnEarlierAttemptNeverStandUnderANewMarker() throws IOException {
        write(2, 0, 1);
        assertThat(directory.exists("checkpoints/epoch-00002/best.bin")).isTrue();
        write(2, 0, -1);
        assertThat(directory.exists("checkpoints/epoch-00002/best.bin")).isFalse();
        assertThat(store.newest(warnings::add)).contains(at(2, 0, -1));
    }

    @Test
    void deletesWhatLiesAfterAPoint() throws IOException {
        write(1, 0, -1);
        write(1, 5, -1);
        write(2, 0, -1);
        store.deleteAfter(Optional.of(at(1, 0, -1)));
        assertThat(folders()).containsExactly("epoch-00001");
        store.deleteAfter(Optional.empty());
        assertThat(folders()).isEmpty();
    }

    @Test
    void progressCanBeRead() throws IOException {
        write(1, 2, 0);
        String progress = new String(
                directory.read("checkpoints/epoch-00001-step-00000012/progress.json"), StandardCharsets.UTF_8);
        assertThat(progress).contains("\"loss_sum\" : \"0.30000000000000004\"", "\"auc\" : \"NaN\"");
    }
}
