package org.sparklora.driver.job.config;

import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.sparklora.driver.job.config.JobSection.Values;
import org.sparklora.driver.job.manifest.SavedModules;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.lora.AdaLora;

/** Reads the section {@code lora}. Groups inherit what they leave out. */
record LoraReader(YamlSection s, JobPaths paths) {

    private static final Pattern GROUP_NAME = Pattern.compile("[A-Za-z0-9_.-]+");
    private static final String CONFLICT = "config.value.conflict";

    LoraConfig read() {
        Values values = JobKeyTable.LORA.read(s);
        values.<String>find("init_adapter").ifPresent(path -> values.set("init_adapter", paths.model(path)));
        readRanks(values);
        LoraConfig withoutGroups = values.to(LoraConfig.class);
        List<String> toSave = withoutGroups.modulesToSave();
        if (!SavedModules.NAMES.containsAll(toSave)) {
            s.problem(
                    "config.value.unavailable",
                    "modules_to_save=" + toSave,
                    "is not available in this version; use some of " + String.join(", ", SavedModules.NAMES)
                            + ", or []");
        }
        try {
            withoutGroups.method().variant();
        } catch (IllegalArgumentException e) {
            s.problemLine(CONFLICT, "lora: " + e.getMessage());
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

    /** AdaLoRA's keys with PEFT's defaults; other methods have none of them. */
    private void readRanks(Values values) {
        if (!values.<String>get("peft_type").equals("ADALORA")) {
            AdaLora.DEFAULTS.keySet().stream()
                    .filter(s::has)
                    .forEach(key -> s.problem(CONFLICT, key, "needs peft_type: ADALORA"));
            return;
        }
        AdaLora.DEFAULTS.forEach(values::setDefault);
        values.setDefault("r", values.get("init_r"));
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
