package org.sparklora.worker.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.sparklora.worker.contract.Arithmetic;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.contract.CachePlan;
import org.sparklora.worker.contract.DropoutRates;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.contract.FreezePlan;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.Kernel;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.Precision;
import org.sparklora.worker.contract.ShardPlan;
import org.sparklora.worker.data.Batch;
import org.sparklora.worker.data.Example;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.encoder.EncoderWork;
import org.sparklora.worker.encoder.HeadInput;
import org.sparklora.worker.encoder.HeadLayers;
import org.sparklora.worker.head.ClassificationHead;
import org.sparklora.worker.lora.PlainLora;
import org.sparklora.worker.machine.Machine;

/** What {@link EncoderWork#keptBytes} counts is what a step's memory grows by. */
class StepMemoryTest {

    private static final Path MODEL = Path.of(System.getProperty("project.root", ".."), "conf/starter-bert-12l");
    private static final Path RESET = Path.of("/proc/self/clear_refs");
    private static final String RESULT = "bytes=";
    private static final int ROWS = 32;
    private static final int LENGTH = 64;

    private final ClassificationHead head = new ClassificationHead(2);

    @ParameterizedTest
    @EnumSource
    void backwardThroughElevenMoreLayersKeepsWhatIsCounted(Precision precision) throws Exception {
        assumeTrue(
                precision == Precision.FLOAT32 || Machine.hardware().hasBfloat16(),
                "this processor has no instructions for bfloat16");
        assumeTrue(Files.isWritable(RESET), "the peak of memory can be measured on Linux only");
        // A process of its own, whose memory goes back to the system as soon as it is free: else a step would find what
        // others have left.
        ProcessBuilder java = new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xms100m",
                "-Xmx100m",
                "-XX:+AlwaysPreTouch",
                "-Dproject.root=" + System.getProperty("project.root", ".."),
                "-Dai.djl.offline=true",
                "-cp",
                System.getProperty("java.class.path"),
                StepMemoryTest.class.getName(),
                precision.name());
        java.environment().put("MALLOC_MMAP_THRESHOLD_", "65536");
        java.redirectErrorStream(true);
        Process process = java.start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(said).isZero();
        double measured = Double.parseDouble(said.substring(said.lastIndexOf(RESULT) + RESULT.length()));

        EncoderWork work = EncoderWork.of(BaseModel.shared(MODEL).encoder());
        double counted = 11 * work.keptBytes(1, LENGTH, precision) * ROWS;
        assertThat(counted).isGreaterThan(60e6);
        assertThat(measured).isCloseTo(counted, Percentage.withPercentage(8));
    }

    /** Prints by how many bytes the peak of a step grows when all layers are live instead of the top one. */
    public static void main(String... args) throws IOException {
        StepMemoryTest test = new StepMemoryTest();
        BaseModel base = BaseModel.shared(
                MODEL, HeadInput.FIRST_TOKEN, new Arithmetic(Kernel.ONEDNN, Precision.valueOf(args[0])));
        long top = test.peak(base, 11);
        System.out.println(RESULT + (test.peak(base, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11) - top));
    }

    /** Bytes that the peak of a step lies above what was there before it, query and value of some layers live. */
    private long peak(BaseModel base, int... layers) throws IOException {
        List<LoraModule> modules = new ArrayList<>();
        for (int layer : layers) {
            for (String name : List.of("query", "value")) {
                modules.add(new LoraModule("bert.encoder.layer." + layer + ".attention.self." + name, 8, 16, 128, 128));
            }
        }
        LoraManifest manifest = new LoraManifest(
                PlainLora.INSTANCE,
                List.of(new LoraGroup("live", "", modules, GroupSettings.PLAIN)),
                BiasMode.NONE,
                HeadLayers.classifier(128).tensors(2),
                List.of());
        EpochPlan plan = new EpochPlan(
                0,
                new FreezePlan(manifest, TinyModel.freeze(manifest, Map.of()), base.encoder()::layerIndex),
                new ShardPlan(1, ROWS, ROWS, false),
                TinyModel.values(manifest),
                CachePlan.off("test"));
        ShardPass pass = new ShardPass(base, head, TinyModel.settings(DropoutRates.NONE), plan);
        float[] live = plan.freezePlan().flatten(plan.snapshot());
        Batch batch = Batch.of(rows(), 0);
        pass.sum(live, 0, 0, List.of(batch));
        System.gc();
        Files.writeString(RESET, "5");
        long before = kilobytes("VmRSS:");
        pass.sum(live, 1, 0, List.of(batch));
        return 1024 * (kilobytes("VmHWM:") - before);
    }

    private static List<Example> rows() {
        List<Example> rows = new ArrayList<>();
        for (int row = 0; row < ROWS; row++) {
            int[] ids = new int[LENGTH];
            Arrays.setAll(ids, i -> 5 + i);
            rows.add(new Example(ids, LENGTH, row % 2, 1f, row));
        }
        return rows;
    }

    private static long kilobytes(String key) throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith(key)) {
                return Long.parseLong(line.replaceAll("\\D", ""));
            }
        }
        throw new IOException("/proc/self/status has no " + key);
    }
}
