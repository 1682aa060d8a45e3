package org.sparklora.worker.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.Arithmetic;
import org.sparklora.worker.contract.DropoutRates;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.Kernel;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.Precision;
import org.sparklora.worker.data.Batch;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.encoder.HeadInput;
import org.sparklora.worker.machine.Machine;

/** Thousands of steps must not leak native memory: every array belongs to its step. */
@Tag("nightly")
class SoakTest {

    private static final int WARM = 500;
    private static final int STEPS = 4_000;

    @ParameterizedTest
    @EnumSource
    void fourThousandStepsKeepNativeMemoryFlat(Precision precision) throws IOException {
        assumeTrue(
                precision == Precision.FLOAT32 || Machine.hardware().hasBfloat16(),
                "this processor has no instructions for bfloat16");
        BaseModel base = BaseModel.shared(
                TinyModel.BASE.directory(), HeadInput.FIRST_TOKEN, new Arithmetic(Kernel.ONEDNN, precision));
        GroupSettings dropping = new GroupSettings(0.1, false, 1.0, 0);
        LoraManifest manifest = TinyModel.manifest(TinyModel.group(0, dropping), TinyModel.group(11, dropping));
        AdapterSnapshot values = TinyModel.values(manifest);
        EpochPlan plan = TinyModel.plan(manifest, TinyModel.freeze(manifest, Map.of()), values);
        ShardPass pass = new ShardPass(base, TinyModel.HEAD, TinyModel.settings(new DropoutRates(0.1, 0.1, 0.1)), plan);
        float[] live = plan.freezePlan().flatten(values);
        long warm = 0;
        for (int step = 0; step < STEPS; step++) {
            pass.sum(live, step, 0, List.of(Batch.of(TinyModel.examples(8, step), 0)));
            if (step == WARM) {
                warm = nativeKilobytes();
            }
        }
        long end = nativeKilobytes();
        System.out.println(
                "native memory after " + WARM + " steps " + warm + " kB, after " + STEPS + " steps " + end + " kB");
        // One leaked [B·S, H] activation a step would be 60 MB by now, one leaked step over 1 GB.
        assertThat(end - warm).as("growth in kB").isLessThan(40_000);
    }

    /** Resident memory of this process without its Java heap. */
    private static long nativeKilobytes() throws IOException {
        System.gc();
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("VmRSS:")) {
                return Long.parseLong(line.replaceAll("\\D", ""))
                        - Runtime.getRuntime().totalMemory() / 1024;
            }
        }
        throw new IOException("/proc/self/status has no VmRSS");
    }
}
