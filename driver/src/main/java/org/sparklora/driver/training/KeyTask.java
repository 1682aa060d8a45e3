package org.sparklora.driver.training;

import java.io.Serializable;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import org.apache.spark.TaskContext;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.cluster.LocalEpochRunner;
import org.sparklora.driver.cluster.Metrics;
import org.sparklora.driver.cluster.data.ClassBalance;
import org.sparklora.driver.cluster.data.KeyRows;
import org.sparklora.driver.cluster.data.KeyRows.Dealt;
import org.sparklora.driver.cluster.data.KeyedTable;
import org.sparklora.driver.cluster.data.LabelCodec;
import org.sparklora.driver.cluster.data.ShardLayout;
import org.sparklora.driver.cluster.data.Tokenization;
import org.sparklora.driver.job.config.JobConfig;
import org.sparklora.driver.job.config.JobFile;
import org.sparklora.driver.job.config.Task;
import org.sparklora.driver.job.config.ValidationConfig;
import org.sparklora.driver.run.loop.TrainingLoop;
import org.sparklora.driver.run.loop.TrainingLoop.TrainingSettings;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.Arithmetic;
import org.sparklora.worker.contract.HostException;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.ModelSource;
import org.sparklora.worker.data.TextTokenizer;
import org.sparklora.worker.data.TokenizerSpec;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.encoder.ModelException;
import org.sparklora.worker.head.TaskHead;
import org.sparklora.worker.machine.Machine;
import org.sparklora.worker.spark.HostModels;
import org.sparklora.worker.spark.RunContext;
import org.sparklora.worker.spark.Shared;

/**
 * Trains the keys of a task one after the other, in its thread. Each adapter has the bits that {@code train} gives on the rows of
 * that key alone, with the same job: the loop and the steps are the same code, on shards that are dealt alike.
 *
 * <p>A key whose rows cannot be used, whose training diverges or has a defect fails alone. What concerns the executor or the base
 * model fails the task.
 */
record KeyTask(Shared<Constants> constants) implements KeyedTable.Work<KeyResult> {

    /**
     * What all keys have in common.
     *
     * @param yaml the resolved job
     * @param groups without the head
     * @param init values that each key starts from
     * @param labels of every key; null if each has its own
     */
    record Constants(
            String yaml,
            LoraManifest groups,
            AdapterSnapshot init,
            @Nullable List<String> labels,
            Model model) implements Serializable {}

    /**
     * The base model.
     *
     * @param source where executors find it
     * @param instructions of every processor of the run
     */
    record Model(ModelSource source, String sha256, TokenizerSpec tokenizer, String instructions)
            implements Serializable {}

    @Override
    public Iterator<KeyResult> call(Iterator<KeyRows> keys) {
        List<KeyResult> results = new ArrayList<>();
        if (keys.hasNext()) {
            try (Trainer trainer = new Trainer(constants.value())) {
                while (keys.hasNext()) {
                    results.add(trainer.train(keys.next()));
                }
            }
        }
        return results.iterator();
    }

    /** Trains keys with one tokenizer and base model. */
    private static final class Trainer implements AutoCloseable {

        private final Constants constants;
        private final RunSetup setup;
        private final TextTokenizer tokenizer;

        Trainer(Constants constants) {
            this.constants = constants;
            JobConfig job = JobFile.resolved("the broadcast job", constants.yaml());
            Model model = constants.model();
            Arithmetic arithmetic = job.arithmetic(Arithmetic.DEFAULT);
            HostException.requireInstructions(model.instructions(), Machine.instructions());
            BaseModel base = BaseModel.shared(
                    HostModels.directory(model.source()),
                    model.sha256(),
                    JobModel.headInput(job.model().task()),
                    arithmetic);
            this.setup =
                    new RunSetup(job, base, constants.groups(), job.schedule().freezePolicy(), constants.init());
            Tokenization tokenization =
                    new Tokenization(model.tokenizer(), job.model().maxLength());
            this.tokenizer = TextTokenizer.open(tokenization.tokenizer(), tokenization.maxLength());
        }

        KeyResult train(KeyRows rows) {
            KeyResult.Epochs epochs = new KeyResult.Epochs();
            try {
                return train(rows, epochs);
            } catch (HostException | ModelException e) {
                throw e;
            } catch (RuntimeException e) {
                if (TaskContext.get().isInterrupted()) {
                    throw e;
                }
                return KeyResult.failed(rows.key(), epochs.all, ExitCode.message(e));
            }
        }

        private KeyResult train(KeyRows all, KeyResult.Epochs epochs) {
            JobConfig job = setup.job();
            Task task = job.model().task();
            List<String> given = constants.labels();
            List<String> labels =
                    given == null ? all.labels(task, job.data().train().name()) : given;
            KeyRows rows = job.data().validation().orElse(null) instanceof ValidationConfig.Fraction part
                    ? all.split(part.fraction(), job.dataSeed())
                    : all;
            LabelCodec codec = LabelCodec.of(task, labels);
            ShardLayout layout = new RunSettings(job).layout();
            Dealt training = rows.training(codec, tokenizer, layout);
            Optional<Dealt> validation = rows.validates()
                    ? Optional.of(rows.validation(codec, tokenizer, layout.shards()))
                    : Optional.empty();
            List<Float> classWeights = job.training()
                    .loss()
                    .classWeights()
                    .map(weights -> ClassBalance.weights(weights, labels, training.shards()))
                    .orElse(List.of());

            TaskHead head = JobRows.head(job, labels);
            LoraManifest manifest =
                    setup.withHead(head, job.training().length(training.plan().stepsPerEpoch()));
            TrainingSettings settings = setup.training(manifest, training.plan());
            setup.initial(settings.length());
            Model model = constants.model();
            RunContext context = setup.context(
                    model.source(), head, classWeights, model.tokenizer().padTokenId(), model.instructions());
            LocalEpochRunner runner =
                    new LocalEpochRunner(setup.base(), context, new Metrics(task, head, labels), training, validation);
            TrainingLoop loop =
                    new TrainingLoop(setup.initializer(manifest, labels), settings, runner, epochs, Clock.systemUTC());
            TrainingLoop.Result result = loop.run(checkpoint -> {});
            long held = validation.map(of -> of.plan().examples()).orElse(0L);
            return KeyResult.of(all.key(), epochs.all, manifest, result, KeyResult.Rows.of(training, held, labels));
        }

        @Override
        public void close() {
            tokenizer.close();
        }
    }
}
