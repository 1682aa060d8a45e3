package org.sparklora.worker.machine;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.sparklora.worker.contract.Arithmetic;
import org.sparklora.worker.contract.HostException;
import org.sparklora.worker.contract.HostReport.Hardware;
import org.sparklora.worker.contract.Kernel;
import org.sparklora.worker.contract.Precision;

/** CPU and memory of the machine or container that this process runs in. */
public final class Machine {

    /** The CPU features by which PyTorch and its libraries choose their kernels. */
    private static final List<String> FEATURES =
            List.of("avx2", "avx512f", "fma", "avx512_vnni", "avx512_bf16", "amx_bf16");

    /** Environment variables that make oneDNN, MKL or PyTorch compute otherwise. */
    private static final List<String> OVERRIDES = List.of(
            "ATEN_CPU_CAPABILITY",
            "DNNL_DEFAULT_FPMATH_MODE",
            "DNNL_MAX_CPU_ISA",
            "MKL_CBWR",
            "MKL_ENABLE_INSTRUCTIONS",
            "ONEDNN_DEFAULT_FPMATH_MODE",
            "ONEDNN_MAX_CPU_ISA");

    /** Libraries with products of the names that PyTorch calls; of those two in a process, the first one computes. */
    private static final Pattern BLAS =
            Pattern.compile(".*/lib(blas|cblas|lapack|openblas|atlas|flexiblas|mkl_rt)[^/]*");

    private final Path root;

    /** Read once, when the process first asks, because a BLAS that is loaded after PyTorch changes nothing. */
    private static final class Own {
        private static final String INSTRUCTIONS = new Machine(Path.of("/")).instructions(System.getenv());
    }

    /** Reads files below this root instead of {@code /}. */
    Machine(Path root) {
        this.root = root;
    }

    /** Reads the hardware of this machine. */
    public static Hardware hardware() {
        return new Machine(Path.of("/")).read(Runtime.getRuntime());
    }

    /** The faster library for matrix products: on processors without AVX-512, oneDNN gains nothing over MKL. */
    public static Kernel fastestKernel() {
        return hardware().features().contains("avx512f") ? Kernel.ONEDNN : Kernel.MKL;
    }

    /** How a job computes that does not say it: in float32. */
    public static Arithmetic arithmetic() {
        return new Arithmetic(fastestKernel(), Precision.FLOAT32);
    }

    /** Refuses an arithmetic that this processor has no instructions for. */
    public static void require(Arithmetic arithmetic) {
        if (arithmetic.precision() == Precision.BFLOAT16) {
            HostException.requireBfloat16(hardware());
        }
    }

    /** What rounding depends on: equal texts mean equal instructions. {@code host-blas}: the process has a BLAS of the host. */
    public static String instructions() {
        return Own.INSTRUCTIONS;
    }

    String instructions(Map<String, String> environment) {
        List<String> words = new ArrayList<>(
                List.of(value(lines("proc/cpuinfo"), "vendor_id").orElse("unknown")));
        words.addAll(read(Runtime.getRuntime()).features());
        OVERRIDES.stream()
                .filter(environment::containsKey)
                .forEach(name -> words.add(name + "=" + environment.get(name)));
        if (lines("proc/self/maps").stream().anyMatch(line -> BLAS.matcher(line).matches())) {
            words.add("host-blas");
        }
        return String.join(" ", words);
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

    /** The smaller of the machine's memory and the container's limit, with cgroups of either version. */
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

    /** Returns the first value of a key in lines of {@code key : value}. */
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
     * Lists names and sizes of the files in a folder, ordered by name, or says why that is not possible. Equal texts on two hosts
     * mean the same files, as far as names and sizes show.
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
            return "does not exist or cannot be read";
        }
        return String.join(", ", entries);
    }
}
