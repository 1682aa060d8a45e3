package org.sparklora.driver.job.config;

import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.sparklora.driver.job.config.JobSection.Values;
import org.sparklora.driver.job.manifest.ModuleMatcher;
import org.sparklora.worker.contract.LoraManifest;

/** Reads the section {@code lora}. Groups inherit what they leave out. */
record LoraReader(YamlSection s, JobPaths paths) {

    private static final Pattern GROUP_NAME = Pattern.compile("[A-Za-z0-9_.-]+");

    LoraConfig read() {
        Values values = JobKeyTable.LORA.read(s);
        values.<String>find("init_adapter").ifPresent(path -> values.set("init_adapter", paths.model(path)));
        LoraConfig withoutGroups = values.to(LoraConfig.class);
        List<String> toSave = withoutGroups.modulesToSave();
        if (!ModuleMatcher.HEAD_MODULES.containsAll(toSave)) {
            s.problem(
                    "config.value.unavailable",
                    "modules_to_save=" + toSave,
                    "is not available in this version; use [classifier], [pre_classifier, classifier] for DistilBERT,"
                            + " or []");
        }
        if (s.value("groups").filter(Map.of()::equals).isPresent()) {
            JobKeyTable.LORA.key("groups").reportMissing(s);
        }
        YamlSection groups = s.section("groups");
        SortedMap<String, GroupConfig> read = new TreeMap<>();
        for (String name : groups.keys()) {
            read.put(name, group(groups, name, withoutGroups));
        }
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
        return JobKeyTable.GROUP.read(group).inherit(defaults).to(GroupConfig.class);
    }
}
