package org.sparklora.worker.machine;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.worker.contract.HostReport.Hardware;

class MachineTest {

    @TempDir
    private Path root;

    private void write(String file, String text) throws IOException {
        Path path = root.resolve(file);
        Files.createDirectories(path.resolveSibling(""));
        Files.writeString(path, text);
    }

    private Hardware read() {
        return new Machine(root).read(Runtime.getRuntime());
    }

    @Test
    void cpuAndMemoryAreWhatLinuxSays() throws IOException {
        write("proc/cpuinfo", """
                processor	: 0
                model name	: Some CPU @ 2.0GHz
                flags		: fpu sse2 fma avx avx2 avx512f avx512dq

                processor	: 1
                model name	: Some CPU @ 2.0GHz
                flags		: fpu
                """);
        write("proc/meminfo", "MemTotal:       16000000 kB\nMemFree:         1000000 kB\n");
        Hardware hardware = read();
        assertThat(hardware.cpu()).isEqualTo("Some CPU @ 2.0GHz");
        assertThat(hardware.features()).containsExactly("avx2", "avx512f", "fma");
        assertThat(new Machine(root).instructions(Map.of("ONEDNN_MAX_CPU_ISA", "AVX2", "HOME", "/root")))
                .endsWith(" avx2 avx512f fma ONEDNN_MAX_CPU_ISA=AVX2");
        write(
                "proc/self/maps",
                "7f01 r-xp 0001 fe:00 55 /usr/lib/jvm/libjvm.so\n7f02 r-xp 0001 fe:00 56 /tmp/libtorch_cpu.so\n");
        assertThat(new Machine(root).instructions(Map.of())).endsWith(" avx2 avx512f fma");
        write("proc/self/maps", "7f02 r-xp 0001 fe:00 56   /usr/lib/x86_64-linux-gnu/blas/libblas.so.3.11.0\n");
        assertThat(new Machine(root).instructions(Map.of())).endsWith(" avx2 avx512f fma host-blas");
        assertThat(hardware.memoryBytes()).isEqualTo(16_000_000L * 1024);
        assertThat(hardware.cores()).isEqualTo(Runtime.getRuntime().availableProcessors());
        assertThat(hardware.heapBytes()).isEqualTo(Runtime.getRuntime().maxMemory());
    }

    @Test
    void aContainerHasWhatItIsLimitedTo() throws IOException {
        write("proc/meminfo", "MemTotal:       16000000 kB\n");
        write("sys/fs/cgroup/memory.max", "max\n");
        assertThat(read().memoryBytes()).isEqualTo(16_000_000L * 1024);
        write("sys/fs/cgroup/memory.max", "4294967296\n");
        assertThat(read().memoryBytes()).isEqualTo(4L << 30);
        write("sys/fs/cgroup/memory.max", "max\n");
        // cgroups of version 1 say a number that is larger than any machine where there is no limit.
        write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
        assertThat(read().memoryBytes()).isEqualTo(16_000_000L * 1024);
    }

    @Test
    void whereThereIsNoLinuxTheJvmIsAsked() {
        Hardware hardware = read();
        assertThat(hardware.cpu()).isEqualTo(System.getProperty("os.arch"));
        assertThat(hardware.features()).isEmpty();
        assertThat(hardware.memoryBytes()).isEqualTo(Runtime.getRuntime().maxMemory());
    }

    @Test
    void aListingTellsFoldersOfDifferentFilesApart() throws IOException {
        write("a/config.json", "{}");
        write("a/model.safetensors", "12345");
        write("b/model.safetensors", "12345");
        write("b/config.json", "{}");
        write("c/config.json", "{}");
        write("c/model.safetensors", "123");
        String a = Machine.listing(root.resolve("a"));
        assertThat(a).isEqualTo("config.json 2, model.safetensors 5");
        assertThat(Machine.listing(root.resolve("b"))).isEqualTo(a);
        assertThat(Machine.listing(root.resolve("c"))).isNotEqualTo(a);
        assertThat(Machine.listing(root.resolve("d"))).isEqualTo("does not exist or cannot be read");
    }
}
