package org.sparklora.driver.app;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.sparklora.driver.config.GroupConfig;
import org.sparklora.driver.config.JobConfig;
import org.sparklora.driver.config.LoraConfig;
import org.sparklora.driver.config.ScheduleEvent;
import org.sparklora.driver.config.TargetModules;
import org.sparklora.driver.freeze.EpochSchedule;
import org.sparklora.driver.freeze.FreezePolicy;
import org.sparklora.driver.interop.PeftAdapter;
import org.sparklora.driver.manifest.GroupSpec;
import org.sparklora.driver.manifest.LinearModule;
import org.sparklora.driver.manifest.ManifestBuilder;
import org.sparklora.driver.manifest.ManifestException;
import org.sparklora.driver.manifest.ModelTensors;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.data.TokenizerSpec;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.encoder.ModelException;
import org.sparklora.worker.head.TaskHead;
import org.sparklora.worker.train.FirstValues;

/** The base model of a job, its tokenizer, and the groups that the job declares on it. */
final class JobModel {

    private final JobConfig job;
    private final Path directory;
    private final BaseModel base;
    private final TokenizerSpec tokenizer;
    private final java.util.Optional<PeftAdapter> initAdapter;

    private JobModel(JobConfig job, Path directory, BaseModel base, TokenizerSpec tokenizer) {
        this.job = job;
        this.directory = directory;
        this.base = base;
        this.tokenizer = tokenizer;
        this.initAdapter = job.lora().initAdapter().map(path -> PeftAdapter.read(local("lora.init_adapter", path)));
    }

    /** Opens the model directory, and the adapter to start from if the job has one. */
    static JobModel open(JobConfig job) {
        Path directory = local("model.path", job.model().path());
        BaseModel base = BaseModel.shared(directory);
        int longest = base.encoder().maxPositions();
        if (job.model().maxLength() > longest) {
            throw new UsageException("model.max_length " + job.model().maxLength() + " is above the " + longest
                    + " positions of " + directory + "; lower it");
        }
        try {
            return new JobModel(job, directory, base, TokenizerSpec.read(directory));
        } catch (IOException e) {
            throw new ModelException("the tokenizer of " + directory + " cannot be used: " + e.getMessage(), e);
        }
    }

    private static Path local(String key, String path) {
        URI uri = path.contains("://") || path.startsWith("file:")
                ? URI.create(path)
                : Path.of(path).toUri();
        if (!"file".equals(uri.getScheme())) {
            throw new ModelException(key + " " + path + ": this version reads models from local paths only; copy it to"
                    + " the same path on every node");
        }
        return Path.of(uri);
    }

    Path directory() {
        return directory;
    }

    BaseModel base() {
        return base;
    }

    TokenizerSpec tokenizer() {
        return tokenizer;
    }

    /** The declared groups matched to the model's modules, without the head, whose size hangs on the labels. */
    LoraManifest groups() {
        LoraConfig lora = job.lora();
        List<GroupSpec> specs = new ArrayList<>();
        lora.groups().forEach((name, group) -> specs.add(spec(name, group, lora.useRslora())));
        List<LinearModule> linears = base.encoder().linears().stream()
                .map(w -> new LinearModule(w.name(), w.shape().get(1), w.shape().get(0)))
                .toList();
        ModelTensors tensors =
                new ModelTensors(linears, List.of(), base.encoder().biases());
        return ManifestBuilder.build(specs, tensors, lora.bias());
    }

    private static GroupSpec spec(String name, GroupConfig group, boolean rankStabilized) {
        return new GroupSpec(
                name,
                group.purpose(),
                targets(group.targetModules(), group.layersToTransform()),
                new GroupSpec.Size(group.r(), group.loraAlpha()),
                new GroupSettings(group.loraDropout(), rankStabilized, group.learningRateScale(), group.warmupSteps()));
    }

    private static org.sparklora.driver.manifest.TargetModules targets(TargetModules targets, List<Integer> layers) {
        if (targets instanceof TargetModules.Names names) {
            return new org.sparklora.driver.manifest.TargetModules.Names(names.names(), layers);
        }
        return new org.sparklora.driver.manifest.TargetModules.Regex(((TargetModules.Regex) targets).pattern(), layers);
    }

    /** The freeze policy of the job, checked against its groups. */
    FreezePolicy policy(LoraManifest groups) {
        List<EpochSchedule.Event> events = new ArrayList<>();
        for (ScheduleEvent e : job.schedule().events()) {
            events.add(new EpochSchedule.Event(e.epoch(), e.thaw(), e.freeze(), e.optimizerState()));
        }
        FreezePolicy policy = new EpochSchedule(job.schedule().live(), events);
        Set<String> names = groups.groups().stream().map(LoraGroup::name).collect(Collectors.toSet());
        FirstValues firstValues = firstValues(groups);
        Set<String> trained = groups.groups().stream()
                .filter(firstValues::isTrained)
                .map(LoraGroup::name)
                .collect(Collectors.toSet());
        List<String> problems = policy.problems(names, trained);
        if (!problems.isEmpty()) {
            throw new ManifestException(problems);
        }
        return policy;
    }

    /** The groups with the tensors of a head. */
    LoraManifest withHead(LoraManifest groups, TaskHead head) {
        return new LoraManifest(
                groups.groups(), groups.bias(), head.tensors(base.encoder().hiddenSize()), groups.biases());
    }

    /** First values for a complete manifest; refuses an init_adapter that does not fit it. */
    FirstValues firstValues(LoraManifest manifest, List<String> labels) {
        initAdapter.ifPresent(adapter -> requireFit(adapter, manifest, labels));
        return firstValues(manifest);
    }

    private FirstValues firstValues(LoraManifest manifest) {
        AdapterSnapshot init = initAdapter.map(PeftAdapter::snapshot).orElse(AdapterSnapshot.EMPTY);
        return new FirstValues(base, manifest, job.seed(), init);
    }

    private void requireFit(PeftAdapter adapter, LoraManifest manifest, List<String> labels) {
        List<String> problems = new ArrayList<>();
        TreeMap<String, TensorSpec> wanted = new TreeMap<>();
        TreeMap<String, LoraModule> modules = new TreeMap<>();
        manifest.names().forEach(g -> manifest.tensors(g).forEach(t -> wanted.put(t.name(), t)));
        manifest.groups().forEach(g -> g.modules().forEach(m -> modules.put(m.path(), m)));
        adapter.tensors().forEach((name, tensor) -> {
            TensorSpec spec = wanted.get(name);
            if (spec == null) {
                problems.add("'" + name + "' belongs to no group of this job; its part of the adapter would be lost");
            } else if (!spec.shape().equals(tensor.shape())) {
                String head = manifest.head().contains(spec) ? " (the job has the labels " + labels + ")" : "";
                problems.add(
                        "'" + name + "' has shape " + tensor.shape() + ", but the job asks for " + spec.shape() + head);
            }
        });
        for (String path : adapter.modules()) {
            LoraModule module = modules.get(path);
            boolean theirs = adapter.config().ranks().rankStabilized();
            if (module != null
                    && (adapter.alpha(path) != module.loraAlpha()
                            || theirs != job.lora().useRslora())) {
                problems.add("'" + path + "' was trained with lora_alpha " + adapter.alpha(path) + " and use_rslora "
                        + theirs + ", but the job has " + module.loraAlpha() + " and "
                        + job.lora().useRslora()
                        + "; it would compute something else");
            }
        }
        if (!problems.isEmpty()) {
            String more = problems.size() > 3 ? "; and " + (problems.size() - 3) + " more" : "";
            throw new ModelException("lora.init_adapter "
                    + job.lora().initAdapter().orElse("")
                    + " does not fit this job: "
                    + String.join("; ", problems.subList(0, Math.min(3, problems.size()))) + more
                    + "; give groups with the adapter's modules, r and lora_alpha, or another adapter");
        }
    }
}
