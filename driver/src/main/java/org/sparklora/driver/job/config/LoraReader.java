package org.sparklora.driver.job.config;

import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.sparklora.driver.job.config.JobSection.Values;
import org.sparklora.worker.contract.LoraManifest;

/** Reads the section {@code lora}. Groups inherit what they leave out. */
final class LoraReader {

    private static final Pattern GROUP_NAME = Pattern.compile("[A-Za-z0-9_.-]+");

    /** Modules of heads; which of them a model has, only the model can tell. */
    private static final List<String> HEAD_MODULES = List.of("classifier", "pre_classifier");

    private final YamlSection s;
    private final JobPaths paths;

    LoraReader(YamlSection lora, JobPaths paths) {
        this.s = lora;
        this.paths = paths;
    }

    LoraConfig read() {
        Values values = JobKeyTable.LORA.read(s);
        values.find(JobKeyTable.INIT_ADAPTER)
                .ifPresent(path -> values.set(JobKeyTable.INIT_ADAPTER, paths.input(path)));
        LoraConfig withoutGroups = values.to(LoraConfig.class);
        List<String> toSave = withoutGroups.modulesToSave();
        if (!HEAD_MODULES.containsAll(toSave)) {
            s.problem(
                    "config.value.unavailable",
                    "modules_to_save=" + toSave,
                    "is not available in this version; use [classifier], [pre_classifier, classifier] for DistilBERT,"
                            + " or []");
        }
        if (s.value("groups").filter(Map.of()::equals).isPresent()) {
            JobKeyTable.GROUPS.reportMissing(s);
        }
        YamlSection groups = s.section("groups");
        SortedMap<String, GroupConfig> read = new TreeMap<>();
        for (String name : groups.keys()) {
            read.put(name, group(groups, name, withoutGroups));
        }
        s.refuseOthers(JobKeyTable.LORA.names());
        return withoutGroups.withGroups(read);
    }

    /** Reads one group of {@code lora.groups}, or of those that an event adds. */
    static GroupConfig group(YamlSection groups, String name, LoraConfig defaults) {
        if (!GROUP_NAME.matcher(name).matches()) {
            groups.problem("config.group.name", name, "is not a name for a group; use letters, digits and _ . -");
        } else if (name.equals(LoraManifest.HEAD) || name.equals(LoraManifest.BIAS)) {
            groups.problem("config.group.name", name, "is the name of an implicit group; choose another");
        }
        YamlSection group = groups.section(name);
        GroupConfig read = JobKeyTable.GROUP.read(group).inherit(defaults).to(GroupConfig.class);
        group.refuseOthers(JobKeyTable.GROUP.names());
        return read;
    }
}
