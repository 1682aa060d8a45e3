package org.sparklora.driver.training;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.sparklora.driver.job.config.GroupConfig;
import org.sparklora.driver.job.config.JobConfig;
import org.sparklora.driver.job.config.LoraConfig;
import org.sparklora.driver.job.freeze.FreezePolicy;
import org.sparklora.driver.job.manifest.GroupSpec;
import org.sparklora.driver.job.manifest.JobValue;
import org.sparklora.driver.job.manifest.ManifestBuilder;
import org.sparklora.driver.job.manifest.ManifestException;
import org.sparklora.driver.job.manifest.ModelTensors;
import org.sparklora.driver.job.manifest.ModuleSelection;
import org.sparklora.driver.job.manifest.PeftTraps;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.head.BaseHead;
import org.sparklora.worker.lora.LoraVariant;
import org.sparklora.worker.train.ParameterInitializer;

/**
 * The LoRA groups of a job on its base model, and the policy that freezes and thaws them.
 *
 * @param groups without the head, whose size depends on the labels
 */
public record JobGroups(JobModel model, LoraManifest groups, FreezePolicy policy) {

    static final String POLICY = "manifest.policy.invalid";
    private static final String NO_BIAS = "lora.bias=lora_only, but no Linear of this model has a bias; use bias: none";
    static final String RANKS = "manifest.rank.invalid";

    /**
     * Matches the declared groups to the model's modules and checks the freeze policy against them.
     *
     * @throws ManifestException when groups, model and policy do not fit together
     */
    public static JobGroups of(JobModel model) {
        JobConfig job = model.job();
        FreezePolicy policy = job.schedule().freezePolicy();
        List<TensorSpec> saved = model.savedTensors();
        List<TensorSpec> biases = model.encoder().biases().stream()
                .filter(bias -> !saved.contains(bias))
                .toList();
        ModelTensors tensors = new ModelTensors(JobModel.adaptable(model.encoder()), List.of(), biases);
        LoraManifest manifest = ManifestBuilder.build(
                specs(job, policy),
                tensors,
                job.lora().bias(),
                job.lora().method().variant());
        if (job.lora().bias() == BiasMode.LORA_ONLY && model.encoder().biases().isEmpty()) {
            refuse("manifest.bias.missing", List.of(NO_BIAS));
        }
        JobGroups groups = new JobGroups(model, manifest, policy);
        refuse("manifest.module.shared", twice(manifest, saved));
        refuse("manifest.embeddings.unsupported", ofTables(manifest, job));
        refuse(RANKS, LoraVariant.of(manifest).problems(manifest.groups(), Long.MAX_VALUE));
        model.initAdapter().ifPresent(adapter -> adapter.requireModulesFit(manifest, job.lora()));
        refuse(POLICY, policy.problems(groups.names(), groups.setup().trained(), Integer.MAX_VALUE));
        return groups;
    }

    private static List<GroupSpec> specs(JobConfig job, FreezePolicy policy) {
        List<GroupSpec> specs = new ArrayList<>();
        job.lora()
                .groups()
                .forEach((name, group) -> specs.add(spec(name, group, job.lora(), policy.learningRateFactor(name))));
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

    /** A group's value with its key in the job file. A value that equals the job's own is inherited. */
    private static <T> JobValue<T> at(String group, String key, T value, T inherited) {
        return new JobValue<>((value.equals(inherited) ? "lora." : "lora.groups." + group + ".") + key, value);
    }

    /** Warns of module names by which PEFT 0.3.0 would adapt more modules than this job does, one line each. */
    public List<String> peftTraps() {
        return PeftTraps.of(specs(model.job(), policy), JobModel.adaptable(model.encoder()));
    }

    /** What a run trains with; it starts from init_adapter, if the job names one. */
    RunSetup setup() {
        AdapterSnapshot init = model.initAdapter().map(InitAdapter::snapshot).orElse(AdapterSnapshot.EMPTY);
        return new RunSetup(model.job(), model.base(), groups, policy, init);
    }

    /**
     * Initial values of all tensors.
     *
     * @param manifest with the head; an init_adapter that does not fit it is refused
     */
    ParameterInitializer initializer(LoraManifest manifest, List<String> labels) {
        model.initAdapter().ifPresent(adapter -> adapter.requireFit(manifest, labels));
        RunSetup setup = setup();
        Optional<BaseHead> head = setup.baseHead(labels);
        head.ifPresent(start -> Console.err("%s: %s", model.job().name(), start.note()));
        return setup.initializer(manifest, head);
    }

    private Set<String> names() {
        return groups.groups().stream().map(LoraGroup::name).collect(Collectors.toSet());
    }

    /** Tables of embeddings have plain LoRA, and one learning rate. */
    private static List<String> ofTables(LoraManifest manifest, JobConfig job) {
        Map<String, Object> variant = new TreeMap<>(LoraVariant.of(manifest).settings());
        boolean twoRates = job.training().loraplusLrRatio().isPresent();
        if (variant.isEmpty() && !twoRates) {
            return List.of();
        }
        String with = variant.isEmpty() ? "training.loraplus_lr_ratio" : "lora " + variant;
        return manifest.groups().stream()
                .flatMap(group -> group.modules().stream()
                        .filter(LoraModule::isTable)
                        .map(module -> "lora.groups." + group.name() + ": " + with + " is for Linears only, and '"
                                + module.path()
                                + "' is a table of embeddings; remove it from target_modules, or name it in"
                                + " lora.modules_to_save"))
                .toList();
    }

    /** Modules that train whole and by LoRA. */
    private static List<String> twice(LoraManifest manifest, List<TensorSpec> saved) {
        Set<String> whole = saved.stream().map(TensorSpec::name).collect(Collectors.toSet());
        return manifest.groups().stream()
                .flatMap(group -> group.modules().stream()
                        .filter(module -> whole.contains(module.path() + ".weight"))
                        .map(module -> "lora.modules_to_save and lora.groups." + group.name() + " both have '"
                                + module.path() + "'; a module may be in one of them only"))
                .toList();
    }

    static void refuse(String code, List<String> problems) {
        if (!problems.isEmpty()) {
            throw new ManifestException(code, problems);
        }
    }
}
