package org.sparklora.driver.job.config;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.sparklora.driver.job.manifest.ModulePattern;
import org.sparklora.driver.job.manifest.PatternMap;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.contract.LoraManifest;

/** Reads the section {@code lora} and hands down to groups what they have not of their own. */
final class LoraReader {

    private static final Pattern GROUP_NAME = Pattern.compile("[A-Za-z0-9_.-]+");

    private final YamlSection s;
    private final JobPaths paths;

    LoraReader(YamlSection lora, JobPaths paths) {
        this.s = lora;
        this.paths = paths;
    }

    LoraConfig read() {
        LoraConfig defaults = new LoraConfig(
                s.whole("r", 8, 1),
                s.number("lora_alpha", 16, Range.POSITIVE),
                s.number("lora_dropout", 0.05, Range.PROBABILITY),
                ModuleKeys.ranks(s, PatternMap.none()),
                ModuleKeys.alphas(s, PatternMap.none()),
                ModuleKeys.exclude(s, ModulePattern.NONE),
                s.choice("bias", BiasMode.NONE),
                s.flag("use_rslora", false),
                s.has("modules_to_save") ? s.texts("modules_to_save") : List.of("classifier"),
                s.text("init_adapter").map(paths::input),
                new TreeMap<>());
        LoraConfig lora = defaults.withGroups(groups(defaults));
        s.finish();
        return lora;
    }

    private SortedMap<String, GroupConfig> groups(LoraConfig defaults) {
        YamlSection groups = s.section("groups");
        SortedMap<String, GroupConfig> read = new TreeMap<>();
        if (!s.has("groups") || s.raw("groups").filter(Map.of()::equals).isPresent()) {
            s.problem("groups", "is missing; it holds at least one group: a name, and target_modules under it");
        }
        for (String name : groups.keys()) {
            checkName(groups, name);
            read.put(name, group(groups.section(name), defaults));
        }
        return read;
    }

    static void checkName(YamlSection groups, String name) {
        if (!GROUP_NAME.matcher(name).matches()) {
            groups.problem(name, "is no name for a group; use letters, digits and _ . -");
        } else if (name.equals(LoraManifest.HEAD) || name.equals(LoraManifest.BIAS)) {
            groups.problem(name, "is the name of an implicit group; choose another");
        }
    }

    /** Reads one group, in {@code lora.groups} or where an event adds it. */
    static GroupConfig group(YamlSection g, LoraConfig defaults) {
        GroupConfig group = new GroupConfig(
                ModuleKeys.targets(g),
                ModuleKeys.exclude(g, defaults.excludeModules()),
                LayerList.read(g),
                purpose(g),
                g.whole("r", defaults.r(), 1),
                g.number("lora_alpha", defaults.loraAlpha(), Range.POSITIVE),
                g.number("lora_dropout", defaults.loraDropout(), Range.PROBABILITY),
                ModuleKeys.ranks(g, defaults.rankPattern()),
                ModuleKeys.alphas(g, defaults.alphaPattern()),
                g.number("learning_rate_scale", 1.0, Range.POSITIVE),
                g.whole("warmup_steps", 0, 0));
        g.finish();
        return group;
    }

    private static String purpose(YamlSection g) {
        Optional<Object> value = g.raw("purpose");
        if (value.isPresent()
                && value.get() instanceof YamlScalar scalar
                && scalar.text().isBlank()) {
            return "";
        }
        return g.text("purpose").orElse("");
    }
}
