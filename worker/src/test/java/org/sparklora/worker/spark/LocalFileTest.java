package org.sparklora.worker.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.worker.data.HeapBytes;

class LocalFileTest {

    @TempDir
    private Path folder;

    @Test
    void theFileHasNoNameToLeaveBehind() throws IOException {
        LocalFile file = new LocalFile(folder.resolve("block"), 1L << 33);
        file.write((1L << 33) - 4, ByteBuffer.wrap(new byte[] {4, 5, 6, 7}));
        file.write(0, ByteBuffer.wrap(new byte[] {0, 1, 2, 3}, 1, 3));
        try (Stream<Path> files = Files.list(folder)) {
            assertThat(files).isEmpty();
        }
        assertThat(file.read((1L << 33) - 3, 3)).isEqualTo(ByteBuffer.wrap(new byte[] {5, 6, 7}));
        assertThat(file.read(0, 2)).isEqualTo(ByteBuffer.wrap(new byte[] {1, 2}));
    }

    @Test
    void itSurvivesSerialization() throws IOException, ClassNotFoundException {
        byte[] bytes = new byte[(2 << 20) + 5];
        bytes[1 << 20] = 1;
        bytes[bytes.length - 1] = 2;
        LocalFile file = LocalFile.temporary(bytes.length);
        file.write(0, ByteBuffer.wrap(bytes));
        ByteArrayOutputStream stream = new ByteArrayOutputStream();
        try (ObjectOutputStream out = new ObjectOutputStream(stream)) {
            out.writeObject(file);
        }
        try (ObjectInputStream in = new ObjectInputStream(new ByteArrayInputStream(stream.toByteArray()))) {
            assertThat(((LocalFile) in.readObject()).read(0, bytes.length)).isEqualTo(ByteBuffer.wrap(bytes));
        }
    }

    @Test
    void aTaskThatIsInterruptedClosesNothing() {
        LocalFile file = new LocalFile(folder.resolve("block"), 3);
        Thread.currentThread().interrupt();
        file.write(0, ByteBuffer.wrap(new byte[] {1, 2, 3}));
        assertThat(file.read(1, 1).get()).isEqualTo((byte) 2);
        assertThat(Thread.interrupted()).isTrue();
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void filesTakeNoMappingsAndAreFreedWithTheirHandles() throws IOException {
        List<LocalFile> files = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            LocalFile file = new LocalFile(folder.resolve("block" + i), 9 << 20);
            file.write((9 << 20) - 1, ByteBuffer.wrap(new byte[1]));
            file.read(0, 100);
            files.add(file);
        }
        assertThat(Files.readAllLines(Path.of("/proc/self/maps")))
                .noneMatch(mapping -> mapping.contains(folder.toString()));
        assertThat(open()).isEqualTo(files.size());
        files.clear();
        for (int attempt = 0; attempt < 20 && open() > 0; attempt++) {
            LocalFile.freeDropped();
        }
        assertThat(open()).isZero();
    }

    private long open() throws IOException {
        long found = 0;
        try (Stream<Path> descriptors = Files.list(Path.of("/proc/self/fd"))) {
            for (Path descriptor : descriptors.toList()) {
                // The descriptor of this listing is closed already.
                boolean ours = Files.isSymbolicLink(descriptor)
                        && Files.readSymbolicLink(descriptor).startsWith(folder);
                found += ours ? 1 : 0;
            }
        }
        return found;
    }

    @Test
    void fewBytesStayOnTheHeap() {
        assertThat(LocalFile.ofSize(1 << 20)).isInstanceOf(HeapBytes.class);
        assertThat(LocalFile.ofSize((1 << 20) + 1)).isInstanceOf(LocalFile.class);
    }

    @Test
    void aDiskThatTakesNothingIsNamedWithWhatHelps() {
        assertThatThrownBy(() -> new LocalFile(folder.resolve("missing/block"), 312))
                .isInstanceOf(CacheStorageException.class)
                .hasMessageContainingAll("312 bytes", "spark.local.dir", "activation_cache_type", "[cluster.disk]");
    }
}
