package org.sparklora.worker.train;

import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.sparklora.worker.bench.BenchReport;
import org.sparklora.worker.bench.BenchReport.Spread;
import org.sparklora.worker.bench.BertBase;
import org.sparklora.worker.contract.Arithmetic;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.contract.CachePlan;
import org.sparklora.worker.contract.DropoutRates;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.contract.FreezePlan;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.Kernel;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.LossSettings;
import org.sparklora.worker.contract.Precision;
import org.sparklora.worker.contract.ShardPlan;
import org.sparklora.worker.contract.StoredType;
import org.sparklora.worker.data.Batch;
import org.sparklora.worker.data.Example;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.encoder.EncoderWork;
import org.sparklora.worker.encoder.ForwardPass;
import org.sparklora.worker.encoder.HeadInput;
import org.sparklora.worker.encoder.HeadLayers;
import org.sparklora.worker.encoder.Tokens;
import org.sparklora.worker.engine.ProductRate;
import org.sparklora.worker.engine.Torch;
import org.sparklora.worker.engine.Variable;
import org.sparklora.worker.head.ClassificationHead;
import org.sparklora.worker.head.TaskHead;
import org.sparklora.worker.lora.PlainLora;
import org.sparklora.worker.machine.Machine;

/**
 * Forward and backward of a step of BERT-base, one thread, beside the rate of matrix products of its shapes in the same
 * round. The operations are those that the step needs by {@link EncoderWork}, whatever it does.
 */
public final class StepBench {

    private static final int LENGTH = 128;

    /** How a step is done. */
    private enum How {
        /** As runs without a cache do it. */
        PLAIN,
        /** From what was kept of the frozen prefix. */
        CACHED,
        /** With the last layer for every token and without a cache, as it is done elsewhere. */
        EVERY_TOKEN
    }

    /** What is live. */
    private record Setting(String name, List<Integer> layers, How how) {

        /** Whether the other layers have trained, and are frozen; else they are dormant. */
        boolean othersAreFrozen() {
            return name.endsWith("frozen");
        }
    }

    private static final List<Setting> SETTINGS = List.of(
            new Setting("all layers", BertBase.ALL, How.PLAIN),
            new Setting("layers 0 and 11", List.of(0, 11), How.PLAIN),
            new Setting("layer 11", List.of(11), How.PLAIN),
            new Setting("layer 0, others frozen", List.of(0), How.PLAIN),
            new Setting("head only", List.of(), How.PLAIN),
            new Setting("layer 11, last layer for every token", List.of(11), How.EVERY_TOKEN),
            new Setting("layer 11, cached", List.of(11), How.CACHED),
            new Setting("head only, cached", List.of(), How.CACHED));

    /**
     * Prints a line for each setting.
     *
     * @param args --quick: 1 row and 2 rounds instead of 8 and 5
     */
    public static void main(String... args) throws IOException {
        boolean quick = BenchReport.isQuick(args);
        try (BertBase base = BertBase.create(1000)) {
            Optional<BaseModel> rounded = Machine.hardware().hasBfloat16()
                    ? Optional.of(BaseModel.shared(
                            base.directory(), HeadInput.FIRST_TOKEN, new Arithmetic(Kernel.ONEDNN, Precision.BFLOAT16)))
                    : Optional.empty();
            new StepBench(BaseModel.shared(base.directory()), rounded, quick ? 1 : 8).measure(quick ? 2 : 5);
        }
        System.exit(0);
    }

    private final BaseModel base;
    private final Optional<BaseModel> rounded;
    private final int rows;

    private StepBench(BaseModel base, Optional<BaseModel> rounded, int rows) {
        this.base = base;
        this.rounded = rounded;
        this.rows = rows;
    }

    private void measure(int rounds) {
        Torch.prepareThread();
        Map<String, Double> medians = new TreeMap<>();
        for (Setting setting : SETTINGS) {
            Step step = new Step(base, setting, rows);
            step.run(0);
            Optional<Step> inBfloat16 = rounded.map(model -> new Step(model, setting, rows));
            inBfloat16.ifPresent(half -> half.run(0));
            List<double[]> measured = new ArrayList<>();
            for (int round = 1; round <= rounds; round++) {
                double before = ProductRate.of(Arithmetic.DEFAULT, (long) rows * LENGTH);
                long began = System.nanoTime();
                step.run(round);
                double seconds = (System.nanoTime() - began) / 1e9;
                double after = ProductRate.of(Arithmetic.DEFAULT, (long) rows * LENGTH);
                long then = System.nanoTime();
                int again = round;
                inBfloat16.ifPresent(half -> half.run(again));
                measured.add(new double[] {(before + after) / 2, seconds, (System.nanoTime() - then) / 1e9});
            }
            Spread seconds = Spread.of(measured, m -> m[1]);
            Spread fraction = Spread.of(measured, m -> step.operations() / m[1] / m[0]);
            medians.put(setting.name(), seconds.median());
            BenchReport.add(
                    "step, " + setting.name(),
                    setting.name().equals("all layers") ? ">= 85%" : null,
                    String.format(
                            Locale.ROOT,
                            "%s s, %.1f GFLOP needed, %s of matrix products at %.1f GFLOP/s",
                            seconds.text("%.4f"),
                            step.operations() / 1e9,
                            fraction.percent(),
                            Spread.of(measured, m -> m[0]).median() / 1e9),
                    Map.of(
                            "rows", rows,
                            "tokens", LENGTH,
                            "seconds", seconds,
                            "gflop", step.operations() / 1e9,
                            "of_matmul", fraction));
            if (inBfloat16.isPresent()) {
                Spread half = Spread.of(measured, m -> m[2]);
                Spread times = Spread.of(measured, m -> m[1] / m[2]);
                BenchReport.add(
                        "step in bfloat16, " + setting.name(),
                        setting.name().equals("all layers") ? ">= 1.8x" : null,
                        String.format(Locale.ROOT, "%s s, %s times float32", half.text("%.4f"), times.text("%.2f")),
                        Map.of("rows", rows, "tokens", LENGTH, "seconds", half, "times_float32", times));
            }
        }
        double ratio = medians.getOrDefault("layer 11, last layer for every token", 0.0)
                / medians.getOrDefault("layer 11, cached", 1.0);
        BenchReport.add(
                "layer 11, cached against neither",
                ">= 40x",
                String.format(Locale.ROOT, "%.1fx a step", ratio),
                Map.of("ratio", ratio));
    }

    /** One setting, ready to run. */
    private static final class Step {

        private final How how;
        private final ShardPass pass;
        private final EveryToken everyToken;
        private final float[] live;
        private final Batch batch;
        private final double operations;

        Step(BaseModel base, Setting setting, int rows) {
            this.how = setting.how();
            TaskHead head = new ClassificationHead(2);
            List<LoraGroup> groups = new ArrayList<>();
            Map<String, GroupState> states = new TreeMap<>();
            for (int layer : setting.othersAreFrozen() ? BertBase.ALL : setting.layers()) {
                groups.add(new LoraGroup(TinyModel.name(layer), "", BertBase.modules(layer), GroupSettings.PLAIN));
                boolean live = setting.layers().contains(layer);
                states.put(TinyModel.name(layer), live ? GroupState.LIVE : GroupState.FROZEN);
            }
            LoraManifest manifest = new LoraManifest(
                    PlainLora.INSTANCE,
                    groups,
                    BiasMode.NONE,
                    HeadLayers.classifier(BertBase.HIDDEN).tensors(2),
                    List.of());
            int lowest = setting.layers().isEmpty()
                    ? BertBase.LAYERS + 2
                    : setting.layers().get(0) + 1;
            EpochPlan plan = new EpochPlan(
                    0,
                    new FreezePlan(manifest, TinyModel.freeze(manifest, states), base.encoder()::layerIndex),
                    new ShardPlan(1, rows, rows, false),
                    TinyModel.values(manifest),
                    how == How.CACHED
                            ? new CachePlan(lowest, StoredType.FLOAT32, "bench", "bench")
                            : CachePlan.off("bench"));
            pass = new ShardPass(base, head, TinyModel.settings(DropoutRates.NONE), plan);
            everyToken = new EveryToken(base, head, plan);
            live = plan.freezePlan().flatten(plan.snapshot());
            batch = how == How.CACHED ? StoredStates.batch(base, head, plan, rows(rows)) : Batch.of(rows(rows), 0);
            operations =
                    rows * needed(EncoderWork.of(base.encoder()), setting.layers(), how == How.CACHED ? lowest : 0);
        }

        /** Operations for a row of a step that begins with index {@code from}. */
        private static double needed(EncoderWork work, List<Integer> layers, int from) {
            int lowest = layers.isEmpty() ? BertBase.LAYERS + 2 : layers.get(0) + 1;
            double sum = 0;
            for (int index = from; index < work.headIndex(); index++) {
                sum += work.forward(index, LENGTH)
                        + (index >= lowest ? work.backward(index, LENGTH, index == lowest) : 0);
            }
            for (int layer : layers) {
                for (LoraModule module : BertBase.modules(layer)) {
                    sum += 3 * 2.0 * 8 * 2 * BertBase.HIDDEN * work.vectors(module.path(), LENGTH, false);
                }
            }
            return sum;
        }

        double operations() {
            return operations;
        }

        void run(int step) {
            if (how == How.EVERY_TOKEN) {
                everyToken.run(batch);
            } else {
                pass.sum(live, step, 0, List.of(batch));
            }
        }
    }

    /** A step whose last layer computes every token. */
    private record EveryToken(BaseModel base, TaskHead head, EpochPlan plan) {

        void run(Batch batch) {
            Torch.prepareThread();
            try (NDManager manager = Torch.newManager()) {
                AdaptedModel model = new AdaptedModel(manager, base, head, plan.freezePlan(), plan.snapshot(), true);
                Tokens tokens = Tokens.of(manager, batch);
                ForwardPass forward = ForwardPass.evaluation(model);
                Shape byRow = new Shape(batch.rows(), LENGTH, BertBase.HIDDEN);
                Variable first =
                        base.encoder().run(0, BertBase.LAYERS, forward, forward.constant(tokens.ids()), tokens);
                first = base.encoder()
                        .layer(BertBase.LAYERS - 1, forward, first, tokens)
                        .traced(all -> all.reshape(byRow).get("0:, 0"));
                Variable logits = base.encoder().logits(BertBase.LAYERS + 1, forward, first, tokens);
                model.graph()
                        .backward(logits.traced(
                                of -> head.lossSum(of, batch.labels(), batch.weights(), LossSettings.PLAIN)));
                float[] gradient = new float[plan.freezePlan().trainableParameters()];
                plan.freezePlan()
                        .slots()
                        .forEach(slot -> model.graph()
                                .addGradient(
                                        model.adapters().tensor(slot.tensor().name()), gradient, slot.offset()));
            }
        }
    }

    private static List<Example> rows(int count) {
        List<Example> rows = new ArrayList<>();
        for (int row = 0; row < count; row++) {
            int[] ids = new int[LENGTH];
            Arrays.setAll(ids, i -> 5 + (i * 7) % 900);
            rows.add(new Example(ids, LENGTH, row % 2, 1f, row));
        }
        return rows;
    }
}
