package org.sparklora.driver.config;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.contract.LoraManifest;

/** Reads the section {@code lora} and hands its rank, alpha and dropout down to groups without their own. */
final class LoraReader {

    private static final Pattern GROUP_NAME = Pattern.compile("[A-Za-z0-9_.-]+");

    private final Section s;
    private final JobPaths paths;

    LoraReader(Section lora, JobPaths paths) {
        this.s = lora;
        this.paths = paths;
    }

    LoraConfig read() {
        int r = s.whole("r", 8, 1);
        double alpha = s.number("lora_alpha", 16, Range.POSITIVE);
        double dropout = s.number("lora_dropout", 0.05, Range.PROBABILITY);
        LoraConfig lora = new LoraConfig(
                r,
                alpha,
                dropout,
                s.choice("bias", BiasMode.NONE),
                s.flag("use_rslora", false),
                s.has("modules_to_save") ? s.texts("modules_to_save") : List.of("classifier"),
                s.text("init_adapter").map(paths::input),
                groups(r, alpha, dropout));
        s.finish();
        return lora;
    }

    private SortedMap<String, GroupConfig> groups(int r, double alpha, double dropout) {
        Section groups = s.section("groups");
        SortedMap<String, GroupConfig> read = new TreeMap<>();
        if (!s.has("groups") || s.raw("groups").filter(Map.of()::equals).isPresent()) {
            s.problem("groups", "is missing; it holds at least one group: a name, and target_modules under it");
        }
        for (String name : groups.keys()) {
            checkName(groups, name);
            read.put(name, group(groups.section(name), r, alpha, dropout));
        }
        return read;
    }

    static void checkName(Section groups, String name) {
        if (!GROUP_NAME.matcher(name).matches()) {
            groups.problem(name, "is no name for a group; use letters, digits and _ . -");
        } else if (name.equals(LoraManifest.HEAD) || name.equals(LoraManifest.BIAS)) {
            groups.problem(name, "is the name of an implicit group; choose another");
        }
    }

    /** Reads one group, in {@code lora.groups} or where an event adds it. */
    static GroupConfig group(Section g, int r, double alpha, double dropout) {
        GroupConfig group = new GroupConfig(
                targetModules(g),
                layers(g),
                purpose(g),
                g.whole("r", r, 1),
                g.number("lora_alpha", alpha, Range.POSITIVE),
                g.number("lora_dropout", dropout, Range.PROBABILITY),
                g.number("learning_rate_scale", 1.0, Range.POSITIVE),
                g.whole("warmup_steps", 0, 0));
        g.finish();
        return group;
    }

    private static String purpose(Section g) {
        Optional<Object> value = g.raw("purpose");
        if (value.isPresent()
                && value.get() instanceof Scalar scalar
                && scalar.text().isBlank()) {
            return "";
        }
        return g.text("purpose").orElse("");
    }

    private static TargetModules targetModules(Section g) {
        String key = "target_modules";
        Optional<Object> value = g.raw(key);
        if (value.isEmpty()) {
            g.problem(key, "is missing; it is a list of module names, or one regular expression");
        } else if (value.get() instanceof List<?> list) {
            if (list.isEmpty()) {
                g.problem(key, "must name at least one module");
            }
            return new TargetModules.Names(g.texts(key));
        } else if (value.get() instanceof Scalar scalar && !scalar.text().isBlank()) {
            try {
                return new TargetModules.Regex(Pattern.compile(scalar.text()).pattern());
            } catch (PatternSyntaxException e) {
                g.mismatch(key, scalar, "a list of module names, or a regular expression: " + e.getDescription());
            }
        } else {
            g.mismatch(key, value.get(), "a list of module names, or a regular expression");
        }
        return new TargetModules.Names(List.of());
    }

    private static List<Integer> layers(Section g) {
        List<Integer> layers = g.wholes("layers_to_transform", 0);
        if (g.raw("layers_to_transform").filter(List.of()::equals).isPresent()) {
            g.problem("layers_to_transform", "is empty; name layers, or leave it out for all of them");
        }
        return layers;
    }
}
