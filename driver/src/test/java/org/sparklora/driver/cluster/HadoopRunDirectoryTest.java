package org.sparklora.driver.cluster;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.driver.cluster.FaultyFileSystem.Operation;
import org.sparklora.driver.run.history.OutputException;
import org.sparklora.driver.run.history.RunDirectory;
import org.sparklora.driver.run.history.RunDirectoryContract;

class HadoopRunDirectoryTest {

    private static final byte[] OLD = "old content".getBytes(UTF_8);
    private static final byte[] NEW = "what is to replace it".getBytes(UTF_8);

    @TempDir
    Path folder;

    private static RunDirectory on(FileSystem fs, Path local) throws IOException {
        return new HadoopRunDirectory(fs, new org.apache.hadoop.fs.Path(local.toString()));
    }

    private static RunDirectory on(FaultyFileSystem disk, Path local) throws IOException {
        return new HadoopRunDirectory(disk, disk.at(local));
    }

    @Nested
    class WithChecksums extends RunDirectoryContract {
        @Override
        protected RunDirectory open(Path local) throws IOException {
            return on(FileSystem.getLocal(new Configuration()), local);
        }
    }

    @Nested
    class WithoutChecksums extends RunDirectoryContract {
        @Override
        protected RunDirectory open(Path local) throws IOException {
            RawLocalFileSystem fs = new RawLocalFileSystem();
            fs.initialize(URI.create("file:///"), new Configuration());
            return on(fs, local);
        }
    }

    @Nested
    class RenamingAsHdfsDoes extends RunDirectoryContract {
        @Override
        protected RunDirectory open(Path local) throws IOException {
            return on(FaultyFileSystem.disk(), local);
        }
    }

    @Nested
    class OnAnObjectStore extends RunDirectoryContract {
        @Override
        protected RunDirectory open(Path local) throws IOException {
            return on(FaultyFileSystem.disk().objectStore(), local);
        }
    }

    /** A scheme without FileContext: a file cannot be replaced in one go. */
    @Nested
    class WithoutReplacingRename extends RunDirectoryContract {
        @Override
        protected RunDirectory open(Path local) throws IOException {
            Configuration configuration = new Configuration();
            configuration.set("fs.faulty.impl", FaultyFileSystem.class.getName());
            FileSystem fs = FileSystem.newInstance(URI.create("faulty:///"), configuration);
            return new HadoopRunDirectory(fs, new org.apache.hadoop.fs.Path("faulty://" + local));
        }
    }

    @Test
    void aFullDiskLeavesTheOldContentAtEveryByte() throws IOException {
        everyByte(FaultyFileSystem.disk());
    }

    @Test
    void aFullDiskLeavesTheOldContentOfAnObjectStoreAtEveryByte() throws IOException {
        everyByte(FaultyFileSystem.disk().objectStore());
    }

    private void everyByte(FaultyFileSystem disk) throws IOException {
        RunDirectory directory = on(disk, folder);
        for (int n = 0; n < NEW.length; n++) {
            disk.heal();
            directory.write("history.jsonl", OLD);
            disk.room(n);
            assertThatThrownBy(() -> directory.write("history.jsonl", NEW))
                    .as("full after %d bytes", n)
                    .isInstanceOf(OutputException.class)
                    .hasMessageContainingAll(
                            directory.location() + "/history.jsonl", "disk full", "[output.unwritable]");
            assertThat(directory.read("history.jsonl")).as("after %d bytes", n).isEqualTo(OLD);
            assertThat(directory.list()).containsExactly("history.jsonl");
            assertThat(folder.resolve(".history.jsonl.tmp")).doesNotExist();
        }
        disk.room(NEW.length);
        directory.write("history.jsonl", NEW);
        assertThat(directory.read("history.jsonl")).isEqualTo(NEW);
    }

    @Test
    void aLostConnectionLeavesTheOldContentAtEveryByte() throws IOException {
        for (FaultyFileSystem disk : new FaultyFileSystem[] {
            FaultyFileSystem.disk(), FaultyFileSystem.disk().objectStore()
        }) {
            RunDirectory directory = on(disk, folder);
            for (int n = 0; n < NEW.length; n++) {
                directory.write("status.json", OLD);
                disk.dieAfter(n);
                assertThatThrownBy(() -> directory.write("status.json", NEW))
                        .isInstanceOf(OutputException.class)
                        .hasMessageContainingAll(
                                directory.location() + "/status.json", "connection lost", "[output.unwritable]");
                disk.heal();
                assertThat(directory.read("status.json"))
                        .as("after %d bytes", n)
                        .isEqualTo(OLD);
                assertThat(directory.list()).containsExactly("status.json");
            }
        }
    }

    @Test
    void aFirstWriteThatFailsLeavesNothing() throws IOException {
        for (FaultyFileSystem disk : new FaultyFileSystem[] {
            FaultyFileSystem.disk(), FaultyFileSystem.disk().objectStore()
        }) {
            RunDirectory directory = on(disk, folder);
            disk.room(3);
            assertThatThrownBy(() -> directory.write("config.yaml", NEW)).isInstanceOf(OutputException.class);
            assertThat(directory.list()).isEmpty();
        }
    }

    @Test
    void refusedWritesAndRenamesLeaveTheOldContent() throws IOException {
        for (Operation refused : new Operation[] {Operation.WRITE, Operation.RENAME}) {
            FaultyFileSystem disk = FaultyFileSystem.disk();
            RunDirectory directory = on(disk, folder);
            directory.write("status.json", OLD);
            disk.refuse(refused);
            String reason = refused == Operation.WRITE ? "write refused" : "rename refused";
            assertThatThrownBy(() -> directory.write("status.json", NEW))
                    .isInstanceOf(OutputException.class)
                    .hasMessageContainingAll(directory.location() + "/status.json", reason, "[output.unwritable]");
            assertThat(directory.read("status.json")).isEqualTo(OLD);
            assertThat(directory.list()).containsExactly("status.json");
        }
    }

    @Test
    void nothingIsAppendedAndAnObjectStoreNeedsNoRename() throws IOException {
        FaultyFileSystem store = FaultyFileSystem.disk().objectStore();
        store.refuse(Operation.RENAME);
        store.refuse(Operation.APPEND);
        store.refuse(Operation.DELETE);
        RunDirectory directory = on(store, folder);
        directory.write("a", OLD);
        assertThatCode(() -> directory.write("a", NEW)).doesNotThrowAnyException();
        assertThat(directory.read("a")).isEqualTo(NEW);
    }

    @Test
    void whatCannotBeDeletedIsSaid() throws IOException {
        FaultyFileSystem disk = FaultyFileSystem.disk();
        RunDirectory directory = on(disk, folder);
        directory.write("adapter/x", OLD);
        disk.refuse(Operation.DELETE);
        assertThatThrownBy(() -> directory.delete("adapter"))
                .isInstanceOf(OutputException.class)
                .hasMessageContainingAll(directory.location() + "/adapter", "delete refused", "[output.unwritable]");
    }

    @Test
    void aFileInThePlaceOfTheDirectoryIsNoEmptyDirectory() throws IOException {
        Path file = Files.writeString(folder.resolve("out"), "a file");
        RunDirectory directory = on(FaultyFileSystem.disk(), file);
        assertThatThrownBy(directory::list)
                .isInstanceOf(OutputException.class)
                .hasMessageContainingAll(directory.location(), "[output.unwritable]");
    }
}
