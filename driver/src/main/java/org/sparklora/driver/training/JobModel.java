package org.sparklora.driver.training;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.sparklora.driver.cluster.data.Tokenization;
import org.sparklora.driver.job.config.JobConfig;
import org.sparklora.driver.job.config.ModelConfig;
import org.sparklora.driver.job.config.Task;
import org.sparklora.driver.job.manifest.LinearModule;
import org.sparklora.driver.job.manifest.ManifestException;
import org.sparklora.driver.job.manifest.SavedModules;
import org.sparklora.worker.contract.Arithmetic;
import org.sparklora.worker.contract.ModelSource;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.data.TextTokenizer;
import org.sparklora.worker.data.TokenizerSpec;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.encoder.Encoder;
import org.sparklora.worker.encoder.EncoderSizes;
import org.sparklora.worker.encoder.HeadInput;
import org.sparklora.worker.encoder.ModelException;
import org.sparklora.worker.machine.Machine;

/** The base model of a job, its tokenizer, and the adapter that training starts from, if the job names one. */
public final class JobModel {

    private final JobConfig job;
    private final HostDirectory directory;
    private final BaseModel base;
    private final TokenizerSpec tokenizer;
    private final Optional<InitAdapter> initAdapter;

    private JobModel(JobConfig job, HostDirectory directory, BaseModel base, TokenizerSpec tokenizer) {
        this.job = job;
        this.directory = directory;
        this.base = base;
        this.tokenizer = tokenizer;
        this.initAdapter = job.lora()
                .initAdapter()
                .map(path -> InitAdapter.read(
                        HostDirectory.adapter("lora.init_adapter", path).here(), base.encoder()));
    }

    /** Opens the directories of model and adapter. */
    public static JobModel open(JobConfig job) {
        Arithmetic arithmetic = job.arithmetic(Machine.arithmetic());
        Machine.require(arithmetic);
        HostDirectory found = HostDirectory.model("model.path", job.model().path());
        Path directory = found.here();
        BaseModel base = BaseModel.shared(directory, headInput(job.model().task()), arithmetic);
        requireModules(job.lora().modulesToSave(), base.encoder());
        int longest = base.encoder().maxPositions();
        if (job.model().maxLength() > longest) {
            throw new UsageException(
                    "usage.max-length",
                    "model.max_length is " + job.model().maxLength() + ", but the model in " + directory + " has "
                            + longest + " positions; lower model.max_length");
        }
        requireTokenTypes(job, directory, base.encoder());
        TokenizerSpec tokenizer = tokenizer(directory, job.model(), base);
        Stream.concat(base.notes().stream(), caseWarning(directory).stream())
                .forEach(note -> Console.err("%s: model: %s", job.name(), note));
        return new JobModel(job, found, base, tokenizer);
    }

    private static Optional<String> caseWarning(Path directory) {
        try {
            return TokenizerSpec.caseWarning(directory);
        } catch (IOException e) {
            throw new ModelException(
                    "tokenizer.unusable", "the tokenizer of " + directory + " cannot be read: " + e, e);
        }
    }

    /** A second text has token type 1, which not every model has. */
    private static void requireTokenTypes(JobConfig job, Path directory, Encoder encoder) {
        EncoderSizes.TokenTypes types = encoder.sizes().types();
        if (job.data().train().textPair().isPresent() && types.given() && types.rows() < 2) {
            throw new ModelException(
                    "model.token-types",
                    "data.train.text_pair needs a model with 2 token types, but type_vocab_size in "
                            + directory.resolve("config.json") + " is " + types.rows()
                            + "; use another model, or write both texts into one column");
        }
    }

    /** The encoder's tensors that train whole. */
    List<TensorSpec> savedTensors() {
        return SavedModules.tensors(job.lora().modulesToSave(), base.encoder().weights());
    }

    /** Names of the modules that train whole, those of the head included. */
    List<String> savedModules() {
        Stream<String> head = base.encoder().head().modules().stream();
        return Stream.concat(head, job.lora().modulesToSave().stream())
                .distinct()
                .toList();
    }

    /** Which tokens of the last layer a task's head reads. */
    static HeadInput headInput(Task task) {
        return task == Task.TOKEN_CLASSIFICATION ? HeadInput.EVERY_TOKEN : HeadInput.FIRST_TOKEN;
    }

    /** The encoder of the model that {@code --model} names. */
    public static Encoder encoder(String location) {
        return BaseModel.shared(HostDirectory.model("--model", location).here()).encoder();
    }

    /** The linear layers that LoRA can adapt in a model. */
    public static List<LinearModule> linears(Encoder encoder) {
        return encoder.linears().stream()
                .map(w -> new LinearModule(w.name(), w.shape().get(1), w.shape().get(0)))
                .toList();
    }

    /** The head is always saved whole; modules_to_save may name its modules and those of {@link SavedModules}. */
    private static void requireModules(List<String> modulesToSave, Encoder encoder) {
        List<String> head = encoder.head().modules();
        List<String> others = modulesToSave.stream()
                .filter(module -> !head.contains(module)
                        && SavedModules.tensors(List.of(module), encoder.weights())
                                .isEmpty())
                .toList();
        if (!others.isEmpty()) {
            throw new ManifestException(
                    "manifest.head.unknown",
                    List.of("lora.modules_to_save=" + modulesToSave + ": " + others
                            + " is not part of this model's head, which consists of " + head
                            + ", nor a module of its encoder"));
        }
    }

    /** The tokenizer in a model directory, checked against the model; for token classification one that takes words. */
    static TokenizerSpec tokenizer(Path directory, ModelConfig job, BaseModel base) {
        try {
            TokenizerSpec tokenizer = TokenizerSpec.read(directory);
            int embeddings = base.encoder().vocabularySize();
            if (tokenizer.vocabularySize() > embeddings) {
                throw new ModelException(
                        "tokenizer.mismatch",
                        tokenizer.source() + " has token ids up to " + (tokenizer.vocabularySize() - 1)
                                + ", but the model has embeddings only for ids below " + embeddings
                                + "; use the tokenizer of this model");
            }
            // The native library refuses some tokenizers. Find out now, not in the first task.
            TextTokenizer.open(tokenizer, job.maxLength()).close();
            return job.task() == Task.TOKEN_CLASSIFICATION ? tokenizer.forWords() : tokenizer;
        } catch (IOException | IllegalArgumentException e) {
            throw new ModelException(
                    "tokenizer.unusable", "the tokenizer of " + directory + " cannot be used: " + e.getMessage(), e);
        }
    }

    JobConfig job() {
        return job;
    }

    /** The model's directory on this host. */
    public Path directory() {
        return directory.here();
    }

    /** Where executors find the model. */
    public ModelSource source() {
        return directory.source();
    }

    BaseModel base() {
        return base;
    }

    public Encoder encoder() {
        return base.encoder();
    }

    /** Digest of the base model's weights. */
    String baseSha256() {
        return base.sha256();
    }

    TokenizerSpec tokenizer() {
        return tokenizer;
    }

    Tokenization tokenization() {
        return new Tokenization(tokenizer, job.model().maxLength());
    }

    Optional<InitAdapter> initAdapter() {
        return initAdapter;
    }
}
