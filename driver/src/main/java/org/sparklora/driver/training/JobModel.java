package org.sparklora.driver.training;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.cluster.data.Tokenization;
import org.sparklora.driver.job.config.ActivationCache;
import org.sparklora.driver.job.config.ExecutionConfig;
import org.sparklora.driver.job.config.GroupConfig;
import org.sparklora.driver.job.config.JobConfig;
import org.sparklora.driver.job.config.LoraConfig;
import org.sparklora.driver.job.config.ModelConfig;
import org.sparklora.driver.job.config.Task;
import org.sparklora.driver.job.freeze.FreezePolicy;
import org.sparklora.driver.job.manifest.GroupSpec;
import org.sparklora.driver.job.manifest.JobValue;
import org.sparklora.driver.job.manifest.LinearModule;
import org.sparklora.driver.job.manifest.ManifestBuilder;
import org.sparklora.driver.job.manifest.ManifestException;
import org.sparklora.driver.job.manifest.ModelTensors;
import org.sparklora.driver.job.manifest.ModuleSelection;
import org.sparklora.driver.job.manifest.PeftTraps;
import org.sparklora.driver.job.plan.CachePolicy;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.ModelSource;
import org.sparklora.worker.data.TextTokenizer;
import org.sparklora.worker.data.TokenizerSpec;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.encoder.Encoder;
import org.sparklora.worker.encoder.HeadInput;
import org.sparklora.worker.encoder.HeadLayers;
import org.sparklora.worker.encoder.ModelException;
import org.sparklora.worker.head.TaskHead;
import org.sparklora.worker.lora.PlainLora;
import org.sparklora.worker.train.ParameterInitializer;

/** The base model of a job, its tokenizer, and the groups that the job declares on it. */
public final class JobModel {

    private final JobConfig job;
    private final HostDirectory directory;
    private final BaseModel base;
    private final TokenizerSpec tokenizer;
    private final Optional<InitAdapter> initAdapter;

    /** Computed when first asked for: it reads the whole file. */
    private @Nullable String baseSha256;

    private JobModel(JobConfig job, HostDirectory directory, BaseModel base, TokenizerSpec tokenizer) {
        this.job = job;
        this.directory = directory;
        this.base = base;
        this.tokenizer = tokenizer;
        this.initAdapter = job.lora()
                .initAdapter()
                .map(path -> new InitAdapter(
                        HostDirectory.adapter("lora.init_adapter", path).here()));
    }

    /** Opens the model directory, and the adapter to start from if the job has one. */
    public static JobModel open(JobConfig job) {
        HostDirectory found = HostDirectory.model("model.path", job.model().path());
        Path directory = found.here();
        BaseModel base = BaseModel.shared(directory, reading(job.model().task()));
        requireHead(job.lora().modulesToSave(), base.encoder().head());
        int longest = base.encoder().maxPositions();
        if (job.model().maxLength() > longest) {
            throw new UsageException("model.max_length " + job.model().maxLength() + " is above the " + longest
                    + " positions of " + directory + "; lower it");
        }
        return new JobModel(job, found, base, tokenizer(directory, job.model(), base));
    }

    /** What of the last layer a task's head reads. */
    public static HeadInput reading(Task task) {
        return task == Task.TOKEN_CLASSIFICATION ? HeadInput.EVERY_TOKEN : HeadInput.FIRST_TOKEN;
    }

    /** The tokenizer of a model directory as a task needs it: it has to fit the model, and may take words. */
    public static TokenizerSpec tokenizer(Path directory, ModelConfig job, BaseModel base) {
        TokenizerSpec tokenizer = tokenizer(directory, job.maxLength(), base);
        return job.task() == Task.TOKEN_CLASSIFICATION ? tokenizer.forWords() : tokenizer;
    }

    /** The head is saved whole in any case, so modules_to_save may name its modules, some of them, or none. */
    private static void requireHead(List<String> modulesToSave, HeadLayers head) {
        List<String> others = modulesToSave.stream()
                .filter(module -> !head.modules().contains(module))
                .toList();
        if (!others.isEmpty()) {
            throw new ManifestException(List.of("lora.modules_to_save=" + modulesToSave + ": " + others
                    + " is no part of this model's head, which is " + head.modules()));
        }
    }

    private static TokenizerSpec tokenizer(Path directory, int maxLength, BaseModel base) {
        try {
            TokenizerSpec tokenizer = TokenizerSpec.read(directory);
            int embeddings = base.encoder().vocabularySize();
            if (tokenizer.vocabularySize() > embeddings) {
                throw new ModelException("tokenizer.mismatch", tokenizer.source() + " has token ids up to " + (tokenizer.vocabularySize() - 1)
                        + ", but the model embeds only the ids below " + embeddings
                        + "; tokenizer and model must come from the same model");
            }
            // What the native library refuses shall not wait for the first task.
            TextTokenizer.open(tokenizer, maxLength).close();
            return tokenizer;
        } catch (IOException | IllegalArgumentException e) {
            throw new ModelException(
                    "tokenizer.unusable", "the tokenizer of " + directory + " cannot be used: " + e.getMessage(), e);
        }
    }

    /** Its directory on this host. */
    public Path directory() {
        return directory.here();
    }

    /** Where the executors find it. */
    public ModelSource source() {
        return directory.source();
    }

    public BaseModel base() {
        return base;
    }

    /** Digest of the base model's weights. */
    public String baseSha256() {
        if (baseSha256 == null) {
            baseSha256 = BaseModel.sha256(directory());
        }
        return baseSha256;
    }

    public TokenizerSpec tokenizer() {
        return tokenizer;
    }

    /** How texts become tokens. */
    public Tokenization tokenization() {
        return new Tokenization(tokenizer, job.model().maxLength());
    }

    /** Whether the frozen prefix is kept. */
    public CachePolicy cacheRule() {
        ExecutionConfig execution = job.execution();
        if (execution.activationCache() == ActivationCache.OFF) {
            return CachePolicy.off("execution.activation_cache says so");
        }
        String source = baseSha256() + " max_length " + job.model().maxLength();
        return CachePolicy.auto(base.encoder(), execution.activationCacheType(), source);
    }

    /** The declared groups matched to the model's modules, without the head, whose size hangs on the labels. */
    public LoraManifest groups() {
        LoraConfig lora = job.lora();
        ModelTensors tensors =
                new ModelTensors(linears(), List.of(), base.encoder().biases());
        LoraManifest groups = ManifestBuilder.build(specs(), tensors, lora.bias());
        initAdapter.ifPresent(adapter -> adapter.requireModulesFit(groups, lora));
        return groups;
    }

    /** Where PEFT 0.3.0 would have adapted more than this job does, one line each. */
    public List<String> peftTraps() {
        return PeftTraps.of(specs(), linears());
    }

    private List<LinearModule> linears() {
        return linears(base.encoder());
    }

    /** What LoRA can adapt in a model. */
    public static List<LinearModule> linears(Encoder encoder) {
        return encoder.linears().stream()
                .map(w -> new LinearModule(w.name(), w.shape().get(1), w.shape().get(0)))
                .toList();
    }

    private List<GroupSpec> specs() {
        LoraConfig lora = job.lora();
        List<GroupSpec> specs = new ArrayList<>();
        FreezePolicy policy = job.schedule().freezePolicy(job.seed());
        lora.groups().forEach((name, group) -> specs.add(spec(name, group, lora, policy.learningRateFactor(name))));
        return specs;
    }

    private static GroupSpec spec(String name, GroupConfig group, LoraConfig lora, double rateFactor) {
        return new GroupSpec(
                name,
                group.purpose(),
                new ModuleSelection(
                        group.targetModules(),
                        at(name, "exclude_modules", group.excludeModules(), lora.excludeModules()),
                        group.layersToTransform()),
                new GroupSpec.Size(
                        group.r(),
                        group.loraAlpha(),
                        at(name, "rank_pattern", group.rankPattern(), lora.rankPattern()),
                        at(name, "alpha_pattern", group.alphaPattern(), lora.alphaPattern())),
                new GroupSettings(
                        group.loraDropout(),
                        lora.useRslora(),
                        group.learningRateScale() * rateFactor,
                        group.warmupSteps()));
    }

    /** A group's value with its place in the job file: what equals the job's own value is inherited. */
    private static <T> JobValue<T> at(String group, String key, T value, T inherited) {
        return new JobValue<>((value.equals(inherited) ? "lora." : "lora.groups." + group + ".") + key, value);
    }

    /** The freeze policy of the job, checked against its groups. */
    public FreezePolicy policy(LoraManifest groups) {
        FreezePolicy policy = job.schedule().freezePolicy(job.seed());
        refuse(policy.problems(names(groups), trained(groups)));
        return policy;
    }

    /** The groups' states before the first epoch; refuses a policy that is not legal with this many steps an epoch. */
    public FreezeState initial(FreezePolicy policy, LoraManifest groups, int stepsPerEpoch) {
        refuse(policy.problems(names(groups), trained(groups), stepsPerEpoch));
        return policy.initial(names(groups), trained(groups));
    }

    private static void refuse(List<String> problems) {
        if (!problems.isEmpty()) {
            throw new ManifestException(problems);
        }
    }

    private static Set<String> names(LoraManifest groups) {
        return groups.groups().stream().map(LoraGroup::name).collect(Collectors.toSet());
    }

    /** Groups whose B from init_adapter is not zero. */
    private Set<String> trained(LoraManifest groups) {
        ParameterInitializer firstValues = firstValues(groups);
        return groups.groups().stream()
                .filter(firstValues::isTrained)
                .map(LoraGroup::name)
                .collect(Collectors.toSet());
    }

    /** The groups with the tensors of a head. */
    public LoraManifest withHead(LoraManifest groups, TaskHead head) {
        return new LoraManifest(PlainLora.INSTANCE, groups.groups(), groups.bias(), base.encoder().head().tensors(head.outputs()), groups.biases());
    }

    /** First values for a complete manifest; refuses an init_adapter that does not fit it. */
    public ParameterInitializer firstValues(LoraManifest manifest, List<String> labels) {
        initAdapter.ifPresent(adapter -> adapter.requireFit(manifest, labels));
        return firstValues(manifest);
    }

    private ParameterInitializer firstValues(LoraManifest manifest) {
        AdapterSnapshot init = initAdapter.map(InitAdapter::snapshot).orElse(AdapterSnapshot.EMPTY);
        return new ParameterInitializer(base, manifest, job.seed(), init);
    }
}
