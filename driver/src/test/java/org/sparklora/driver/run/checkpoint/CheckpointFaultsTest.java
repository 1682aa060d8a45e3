package org.sparklora.driver.run.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.sparklora.driver.cluster.FaultyFileSystem;
import org.sparklora.driver.cluster.FaultyFileSystem.Operation;
import org.sparklora.driver.cluster.HadoopRunDirectory;
import org.sparklora.driver.run.history.ForwardingRunDirectory;
import org.sparklora.driver.run.history.OutputException;
import org.sparklora.driver.run.history.RunDirectory;

/** A disk that fails at any byte of a checkpoint, or refuses a kind of call, leaves the checkpoint before. */
class CheckpointFaultsTest {

    private static final Checkpoint OLD = CheckpointStoreTest.at(1, 0, 0);
    private static final Checkpoint NEW = CheckpointStoreTest.at(2, 0, 1);

    @TempDir
    private Path folder;

    private final List<String> warnings = new ArrayList<>();

    /** How file systems replace a file. */
    enum Kind {
        RENAMES_AS_HDFS,
        OBJECT_STORE;

        FaultyFileSystem disk() {
            FaultyFileSystem disk = FaultyFileSystem.disk();
            return this == OBJECT_STORE ? disk.objectStore() : disk;
        }
    }

    private RunDirectory on(FaultyFileSystem disk) throws IOException {
        return new HadoopRunDirectory(disk, disk.at(folder));
    }

    private Checkpoint newest(RunDirectory directory) throws IOException {
        return new CheckpointStore(directory).newest(warnings::add).orElseThrow();
    }

    /** Bytes that writing a checkpoint takes, on a disk without faults. */
    private static long bytes(FaultyFileSystem disk, CheckpointStore store, Checkpoint checkpoint) throws IOException {
        long before = disk.written();
        store.write(checkpoint);
        return disk.written() - before;
    }

    @ParameterizedTest
    @EnumSource
    void aFullDiskLeavesTheCheckpointBeforeAtEveryByte(Kind kind) throws IOException {
        FaultyFileSystem disk = kind.disk();
        RunDirectory directory = on(disk);
        CheckpointStore store = new CheckpointStore(directory);
        store.write(OLD);
        long all = bytes(disk, store, NEW);
        for (long n = 0; n < all; n++) {
            store.deleteAfter(Optional.of(OLD));
            disk.room(n);
            assertThatThrownBy(() -> store.write(NEW))
                    .as("full after %d of %d bytes", n, all)
                    .isInstanceOf(OutputException.class)
                    .hasMessageContainingAll(
                            directory.location() + "/checkpoints/epoch-00002/", "disk full", "[output.unwritable]");
            assertThat(newest(directory))
                    .as("full after %d of %d bytes", n, all)
                    .isEqualTo(OLD);
            disk.heal();
        }
        store.deleteAfter(Optional.of(OLD));
        disk.room(all);
        store.write(NEW);
        assertThat(newest(directory)).isEqualTo(NEW);
    }

    @ParameterizedTest
    @EnumSource
    void aLostConnectionLeavesTheCheckpointBeforeAtEveryByte(Kind kind) throws IOException {
        FaultyFileSystem disk = kind.disk();
        RunDirectory directory = on(disk);
        CheckpointStore store = new CheckpointStore(directory);
        store.write(OLD);
        long all = bytes(disk, store, NEW);
        for (long n = 0; n < all; n++) {
            store.deleteAfter(Optional.of(OLD));
            disk.dieAfter(n);
            assertThatThrownBy(() -> store.write(NEW))
                    .as("lost after %d of %d bytes", n, all)
                    .isInstanceOf(OutputException.class)
                    .hasMessageContainingAll("connection lost", "[output.unwritable]");
            disk.heal();
            assertThat(newest(directory))
                    .as("lost after %d of %d bytes", n, all)
                    .isEqualTo(OLD);
            store.write(NEW);
            assertThat(newest(directory)).as("again after %d bytes", n).isEqualTo(NEW);
        }
    }

    /** Also one of the same name, as a run leaves it that goes on from before it: never a mixture of the two. */
    @ParameterizedTest
    @EnumSource
    void replacingACheckpointGivesTheOneBeforeOrTheNewOne(Kind kind) throws IOException {
        Checkpoint sameName = CheckpointStoreTest.at(2, 0, -1);
        FaultyFileSystem disk = kind.disk();
        RunDirectory directory = on(disk);
        CheckpointStore store = new CheckpointStore(directory);
        store.write(OLD);
        long all = bytes(disk, store, NEW);
        for (long n = 0; n < all; n++) {
            store.write(sameName);
            disk.dieAfter(n);
            assertThat(catchThrowable(() -> store.write(NEW))).isInstanceOf(OutputException.class);
            disk.heal();
            assertThat(newest(directory))
                    .as("lost after %d of %d bytes", n, all)
                    .isEqualTo(OLD);
        }
    }

    @ParameterizedTest
    @EnumSource
    void aFirstCheckpointThatFailsAtAnyByteIsNone(Kind kind) throws IOException {
        FaultyFileSystem disk = kind.disk();
        CheckpointStore store = new CheckpointStore(on(disk));
        long all = bytes(disk, store, OLD);
        for (long n = 0; n < all; n++) {
            store.deleteAfter(Optional.empty());
            disk.dieAfter(n);
            assertThat(catchThrowable(() -> store.write(OLD))).isInstanceOf(OutputException.class);
            disk.heal();
            assertThat(store.newest(warnings::add))
                    .as("lost after %d of %d bytes", n, all)
                    .isEmpty();
        }
    }

    @ParameterizedTest
    @EnumSource
    void refusedCallsAreNamedAndLeaveTheCheckpointBefore(Kind kind) throws IOException {
        for (Operation refused : List.of(Operation.WRITE, Operation.RENAME, Operation.DELETE)) {
            if (kind == Kind.OBJECT_STORE && refused == Operation.RENAME) {
                continue; // Nothing there is renamed.
            }
            FaultyFileSystem disk = kind.disk();
            RunDirectory directory = on(disk);
            CheckpointStore store = new CheckpointStore(directory);
            store.deleteAfter(Optional.empty());
            store.write(OLD);
            disk.refuse(refused);
            assertThatThrownBy(() -> store.write(NEW))
                    .isInstanceOf(OutputException.class)
                    .hasMessageContainingAll(
                            directory.location() + "/checkpoints/epoch-00002/",
                            refused.name().toLowerCase(java.util.Locale.ROOT) + " refused",
                            "[output.unwritable]");
            assertThat(newest(directory)).isEqualTo(OLD);
            disk.heal();
            store.write(NEW);
            assertThat(newest(directory)).isEqualTo(NEW);
        }
    }

    /** A store that needs neither rename nor append is asked for neither. */
    @Test
    void anObjectStoreIsAskedForWholeObjectsOnly() throws IOException {
        FaultyFileSystem store = FaultyFileSystem.disk().objectStore();
        store.refuse(Operation.RENAME);
        store.refuse(Operation.APPEND);
        RunDirectory directory = on(store);
        new CheckpointStore(directory).write(NEW);
        assertThat(newest(directory)).isEqualTo(NEW);
    }

    @ParameterizedTest
    @EnumSource
    void whatFailsAfterTheMarkerLeavesTheNewOne(Kind kind) throws IOException {
        FaultyFileSystem disk = kind.disk();
        RunDirectory directory = on(disk);
        CheckpointStore store = new CheckpointStore(directory);
        for (int epochs = 1; epochs <= 3; epochs++) {
            store.write(CheckpointStoreTest.at(epochs, 0, -1));
        }
        RunDirectory refusing = new RefusingDeletesOnceWritten(directory, CheckpointMarker.FILE, disk);
        Checkpoint fourth = CheckpointStoreTest.at(4, 0, -1);
        assertThatThrownBy(() -> new CheckpointStore(refusing).write(fourth))
                .isInstanceOf(OutputException.class)
                .hasMessageContainingAll(
                        directory.location() + "/checkpoints/epoch-00001/checkpoint.json",
                        "delete refused",
                        "[output.unwritable]");
        assertThat(newest(directory)).isEqualTo(fourth);
        assertThat(warnings).isEmpty();
        disk.heal();
        store.write(CheckpointStoreTest.at(5, 0, -1));
        assertThat(directory.list("checkpoints")).containsExactly("epoch-00003", "epoch-00004", "epoch-00005");
    }

    /** A directory whose disk refuses to delete from the moment that a file of this name is written. */
    private static final class RefusingDeletesOnceWritten extends ForwardingRunDirectory {

        private final String name;
        private final FaultyFileSystem disk;

        RefusingDeletesOnceWritten(RunDirectory directory, String name, FaultyFileSystem disk) {
            super(directory);
            this.name = name;
            this.disk = disk;
        }

        @Override
        public void write(String file, Content content) throws IOException {
            super.write(file, content);
            if (file.endsWith("/" + name)) {
                disk.refuse(Operation.DELETE);
            }
        }
    }
}
