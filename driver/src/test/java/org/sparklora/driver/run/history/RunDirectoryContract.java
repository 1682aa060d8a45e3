package org.sparklora.driver.run.history;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The behaviour of every run directory. */
public abstract class RunDirectoryContract {

    @TempDir
    protected Path folder;

    /** Opens a run directory over a local folder, which need not exist. */
    protected abstract RunDirectory open(Path local) throws IOException;

    /** How many may create one file at a time. Hadoop's file systems over local folders look first and then create. */
    protected int creators() {
        return 1;
    }

    @Test
    void replacesWholeFilesAndCreatesFolders() throws IOException {
        RunDirectory directory = open(folder.resolve("new/run"));
        assertThat(directory.list()).isEmpty();
        directory.write("adapter/weights.bin", new byte[] {1, 2, 3});
        directory.write("adapter/weights.bin", new byte[] {4});
        directory.write("empty", new byte[0]);
        assertThat(directory.read("adapter/weights.bin")).containsExactly(4);
        assertThat(directory.read("empty")).isEmpty();
        assertThat(directory.exists("adapter")).isTrue();
        assertThat(directory.exists("adapter/weights.bin")).isTrue();
        assertThat(directory.exists("adapter/other")).isFalse();
        assertThat(directory.list()).containsExactly("adapter", "empty");
    }

    @Test
    void readsPartsOfFiles() throws IOException {
        RunDirectory directory = open(folder);
        directory.write("a/b", new byte[] {0, 1, 2, 3, 4});
        assertThat(directory.read("a/b", 1, 3)).containsExactly(1, 2, 3);
        assertThat(directory.read("a/b", 3, 100)).containsExactly(3, 4);
        assertThat(directory.read("a/b", 5, 1)).isEmpty();
        assertThat(directory.read("a/b", 6, 1)).isEmpty();
    }

    @Test
    void oneOfManyCreatesAFile() throws Exception {
        RunDirectory directory = open(folder);
        int threads = creators();
        ExecutorService pool = Executors.newFixedThreadPool(threads);
        try {
            for (int round = 0; round < 20; round++) {
                String name = "lease/" + round;
                List<Callable<Integer>> creators = new ArrayList<>();
                for (int i = 0; i < threads; i++) {
                    byte[] mine = {(byte) i, 1};
                    creators.add(() -> directory.create(name, mine) ? (int) mine[0] : -1);
                }
                List<Integer> created = new ArrayList<>();
                for (Future<Integer> result : pool.invokeAll(creators)) {
                    created.add(result.get());
                }
                created.removeIf(creator -> creator < 0);
                assertThat(created).hasSize(1);
                assertThat(directory.read(name)).containsExactly(created.get(0), 1);
                assertThat(directory.create(name, new byte[9])).isFalse();
            }
        } finally {
            pool.shutdownNow();
        }
    }

    @Test
    void storesLargeFiles() throws IOException {
        byte[] large = new byte[300_001];
        for (int i = 0; i < large.length; i++) {
            large[i] = (byte) (i * 31);
        }
        RunDirectory directory = open(folder);
        directory.write("large", large);
        assertThat(directory.read("large")).isEqualTo(large);
    }

    @Test
    void aFailedWriteLeavesTheOldFile() throws IOException {
        RunDirectory directory = open(folder);
        RunDirectory.Content two = out -> {
            out.write(new byte[100_000]);
            out.write(new byte[] {1, 2});
        };
        directory.write("model", two);
        assertThat(directory.read("model")).hasSize(100_002).endsWith(1, 2);
        assertThatThrownBy(() -> directory.write("model", out -> {
                    out.write(new byte[10]);
                    throw new IllegalStateException("no more");
                }))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("no more");
        assertThat(directory.read("model")).hasSize(100_002);
        assertThat(folder.resolve(".model.tmp")).doesNotExist();
    }

    @Test
    void aLeftoverOfACrashIsIgnoredAndReplaced() throws IOException {
        Files.writeString(folder.resolve(".status.json.tmp"), "half a fi");
        RunDirectory directory = open(folder);
        assertThat(directory.list()).isEmpty();
        directory.write("status.json", "whole".getBytes(UTF_8));
        assertThat(directory.read("status.json")).asString(UTF_8).isEqualTo("whole");
        assertThat(directory.list()).containsExactly("status.json");
    }

    @Test
    void deletesFilesAndWholeFolders() throws IOException {
        RunDirectory directory = open(folder);
        directory.write("checkpoints/epoch-1/part", new byte[1]);
        directory.write("checkpoints/marker", new byte[1]);
        directory.write("status.json", new byte[1]);
        assertThat(directory.list("checkpoints")).containsExactly("epoch-1", "marker");
        assertThat(directory.list("checkpoints/epoch-1")).containsExactly("part");
        directory.delete("checkpoints");
        assertThat(directory.list("checkpoints")).isEmpty();
        directory.delete("status.json");
        directory.delete("never-there");
        directory.delete("never/there");
        assertThat(directory.list()).isEmpty();
        assertThat(directory.exists("checkpoints/marker")).isFalse();
    }

    @Test
    void readingAMissingFileFails() throws IOException {
        RunDirectory directory = open(folder);
        assertThatThrownBy(() -> directory.read("adapter/none"))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("adapter/none");
    }

    @Test
    void refusesNamesThatLeaveTheDirectory() throws IOException {
        RunDirectory directory = open(folder);
        for (String name : new String[] {"", "..", "../x", "a/../../x", "/etc/passwd", "a/./b"}) {
            assertThatThrownBy(() -> directory.write(name, new byte[0]))
                    .as(name)
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContainingAll("'" + name + "'", directory.location());
        }
    }
}
