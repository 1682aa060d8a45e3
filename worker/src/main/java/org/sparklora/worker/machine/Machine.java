package org.sparklora.worker.machine;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Stream;
import org.sparklora.worker.contract.HostReport.Hardware;

/** CPU and memory of the machine that this process runs on, or of the container. */
public final class Machine {

    /** What PyTorch's kernels are chosen by. */
    private static final List<String> FEATURES = List.of("avx2", "avx512f", "fma");

    private final Path root;

    /**
     * @param root what {@code /} is
     */
    Machine(Path root) {
        this.root = root;
    }

    /** This machine, as this JVM sees it. */
    public static Hardware hardware() {
        return new Machine(Path.of("/")).read(Runtime.getRuntime());
    }

    Hardware read(Runtime jvm) {
        List<String> cpu = lines("proc/cpuinfo");
        String flags = value(cpu, "flags").orElse("");
        List<String> words = Arrays.asList(flags.split(" "));
        return new Hardware(
                value(cpu, "model name").orElse(System.getProperty("os.arch")),
                FEATURES.stream().filter(words::contains).toList(),
                jvm.availableProcessors(),
                memoryBytes().orElse(jvm.maxMemory()),
                jvm.maxMemory());
    }

    /** The least of what the machine has and what a container is limited to, cgroups of either version. */
    private OptionalLong memoryBytes() {
        Stream<Long> machine = value(lines("proc/meminfo"), "MemTotal").stream()
                .map(kilobytes -> Long.parseLong(kilobytes.split(" ")[0]) << 10);
        Stream<Long> container = Stream.of("sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes")
                .flatMap(file -> lines(file).stream())
                // "max": no limit.
                .filter(line -> line.matches("\\d{1,18}"))
                .map(Long::parseLong);
        return Stream.concat(machine, container).mapToLong(Long::longValue).min();
    }

    /** The first value of a key in lines of {@code key : value}. */
    private static Optional<String> value(List<String> lines, String key) {
        return lines.stream()
                .filter(line -> line.startsWith(key))
                .map(line -> line.substring(line.indexOf(':') + 1).trim())
                .findFirst();
    }

    private List<String> lines(String file) {
        try {
            return Files.readAllLines(root.resolve(file));
        } catch (IOException e) {
            // Not Linux, or not this version of cgroups.
            return List.of();
        }
    }

    /**
     * What a folder holds: names and sizes of its files, in the order of the names; or why that cannot be told. Equal
     * texts on two hosts mean the same files, as far as a look at the sizes can tell.
     */
    public static String listing(Path folder) {
        List<String> entries = new ArrayList<>();
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.sorted().toList()) {
                if (!Files.isReadable(file)) {
                    return file.getFileName() + " cannot be read";
                }
                entries.add(file.getFileName() + " " + (Files.isDirectory(file) ? "folder" : Files.size(file)));
            }
        } catch (IOException e) {
            return "is not there or cannot be read";
        }
        return String.join(", ", entries);
    }
}
