package org.sparklora.driver.training;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.sparklora.driver.job.config.ActivationCache;
import org.sparklora.driver.job.config.ExecutionConfig;
import org.sparklora.driver.job.config.JobConfig;
import org.sparklora.driver.job.freeze.FreezePolicy;
import org.sparklora.driver.job.freeze.RunLength;
import org.sparklora.driver.job.manifest.SavedModules;
import org.sparklora.driver.job.plan.CachePolicy;
import org.sparklora.driver.job.plan.EpochPlanner;
import org.sparklora.driver.run.loop.TrainingLoop.TrainingSettings;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.Arithmetic;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.ModelSource;
import org.sparklora.worker.contract.ShardPlan;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.head.BaseHead;
import org.sparklora.worker.head.TaskHead;
import org.sparklora.worker.lora.LoraVariant;
import org.sparklora.worker.spark.RunContext;
import org.sparklora.worker.train.ParameterInitializer;

/**
 * What the loop and the steps of a run are made of: a job, its groups and the loaded base model. The driver has one for a run;
 * with {@code data.adapter}, each task has one for all its keys. So both train alike.
 *
 * @param groups without the head, whose size depends on the labels
 * @param init values that the adapter starts from; empty without any
 */
record RunSetup(JobConfig job, BaseModel base, LoraManifest groups, FreezePolicy policy, AdapterSnapshot init) {

    /** The same from other values. */
    RunSetup startingFrom(AdapterSnapshot values) {
        return new RunSetup(job, base, groups, policy, values);
    }

    /** The groups with the tensors of a head, which modules that train whole belong to, for a run of this length. */
    LoraManifest withHead(TaskHead head, RunLength length) {
        List<TensorSpec> whole = new ArrayList<>(base.encoder().head().tensors(head.outputs()));
        whole.addAll(
                SavedModules.tensors(job.lora().modulesToSave(), base.encoder().weights()));
        return new LoraManifest(
                LoraVariant.of(groups).during(length.steps()), groups.groups(), groups.bias(), whole, groups.biases());
    }

    /** How the head starts from the base model's; empty if the base model has none, or the initial values have one. */
    Optional<BaseHead> baseHead(List<String> labels) {
        String output = base.encoder().head().output() + ".weight";
        return init.contains(output)
                ? Optional.empty()
                : base.optional(output)
                        .map(weight -> BaseHead.of(Tensors.shape(weight).get(0), base.labels(), labels));
    }

    /** Initial values of all tensors, with a head for these labels. */
    ParameterInitializer initializer(LoraManifest manifest, List<String> labels) {
        return initializer(manifest, baseHead(labels));
    }

    ParameterInitializer initializer(LoraManifest manifest, Optional<BaseHead> head) {
        return new ParameterInitializer(
                base, manifest, job.seed(), init, new LapackSvd(), head.flatMap(BaseHead::rows));
    }

    /** Groups whose initial values change the output. */
    Set<String> trained() {
        ParameterInitializer initializer = initializer(groups, Optional.empty());
        return groups.groups().stream()
                .filter(initializer::isTrained)
                .map(LoraGroup::name)
                .collect(Collectors.toSet());
    }

    /** The groups' states before the first epoch. Refuses a policy, or a change of ranks, that this length makes illegal. */
    FreezeState initial(RunLength length) {
        Set<String> names = groups.groups().stream().map(LoraGroup::name).collect(Collectors.toSet());
        Set<String> trained = trained();
        JobGroups.refuse(JobGroups.RANKS, LoraVariant.of(groups).problems(groups.groups(), length.steps()));
        JobGroups.refuse(JobGroups.POLICY, policy.problems(names, trained, length.stepsPerEpoch()));
        return policy.initial(names, trained);
    }

    /** How to train. */
    TrainingSettings training(LoraManifest manifest, ShardPlan shards) {
        RunSettings settings = new RunSettings(job);
        RunLength length = settings.length(shards.stepsPerEpoch());
        return new TrainingSettings(
                policy,
                settings.optimizer(length, manifest, base.encoder()),
                length,
                settings.stoppingCriteria(length.epochs()),
                new EpochPlanner(manifest, base.encoder(), shards, cachePolicy()));
    }

    /** When to cache the activations of the frozen trunk. */
    CachePolicy cachePolicy() {
        ExecutionConfig execution = job.execution();
        if (execution.activationCache() == ActivationCache.OFF) {
            return CachePolicy.off("execution.activation_cache says so");
        }
        String source = base.sha256() + " max_length " + job.model().maxLength();
        return CachePolicy.auto(execution.activationCacheType(), source);
    }

    /**
     * The constants of the steps.
     *
     * @param model where executors find the base model
     * @param classWeights in the order of the head's outputs; may be empty
     */
    RunContext context(
            ModelSource model, TaskHead head, List<Float> classWeights, int padTokenId, String instructions) {
        RunSettings settings = new RunSettings(job);
        return new RunContext(
                model,
                base.sha256(),
                head,
                settings.step(base.encoder().modelDropout(), classWeights),
                settings.order(),
                padTokenId,
                job.arithmetic(Arithmetic.DEFAULT),
                instructions);
    }
}
