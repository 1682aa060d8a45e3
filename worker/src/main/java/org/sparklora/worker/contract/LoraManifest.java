package org.sparklora.worker.contract;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiFunction;
import java.util.stream.Stream;

/**
 * Every group that may ever train in a run: the declared LoRA groups, the head, and with bias {@code all} the biases.
 *
 * <p>The head is the implicit group {@value #HEAD}, always live; the biases of mode {@code all} are the implicit group
 * {@value #BIAS}, always live.
 *
 * @param variant the LoRA variant of all groups
 * @param groups declared groups, ordered by name; no module is in two of them
 * @param bias which biases train
 * @param head tensors of the head, ordered by name
 * @param biases tensors of the group {@value #BIAS}, ordered by name; empty unless {@code bias} is ALL
 */
public record LoraManifest(
        ModuleTensors variant, List<LoraGroup> groups, BiasMode bias, List<TensorSpec> head, List<TensorSpec> biases)
        implements Serializable {

    /** Name of the implicit group that holds the task head. */
    public static final String HEAD = "head";

    /** Name of the implicit group that holds every bias of the encoder with bias {@code all}. */
    public static final String BIAS = "bias";

    /**
     * Orders groups and tensors by name.
     *
     * @throws IllegalArgumentException where two groups share a module, a group has an implicit group's name, or biases
     *     train without {@code bias: all}
     */
    public LoraManifest {
        groups = groups.stream().sorted(Comparator.comparing(LoraGroup::name)).toList();
        head = head.stream().sorted().toList();
        biases = biases.stream().sorted().toList();
        Map<String, String> owner = new HashMap<>();
        for (LoraGroup group : groups) {
            if (group.name().equals(HEAD) || group.name().equals(BIAS)) {
                throw new IllegalArgumentException("group name '" + group.name() + "' is taken by an implicit group");
            }
            for (LoraModule module : group.modules()) {
                String other = owner.put(module.path(), group.name());
                if (other != null) {
                    throw new IllegalArgumentException("module '" + module.path() + "' is in two groups: '" + other
                            + "' and '" + group.name() + "'");
                }
            }
        }
        if (bias != BiasMode.ALL && !biases.isEmpty()) {
            throw new IllegalArgumentException("tensors for the group 'bias' need bias: all");
        }
    }

    /** The same groups and head with another variant and other modules in place of the modules. */
    public LoraManifest with(ModuleTensors other, BiFunction<LoraModule, GroupSettings, LoraModule> change) {
        List<LoraGroup> changed = new ArrayList<>(groups);
        changed.replaceAll(group -> {
            List<LoraModule> modules = new ArrayList<>(group.modules());
            modules.replaceAll(module -> change.apply(module, group.settings()));
            return new LoraGroup(group.name(), group.purpose(), modules, group.settings());
        });
        return new LoraManifest(other, changed, bias, head, biases);
    }

    /** Every module of the declared groups. */
    public List<LoraModule> modules() {
        return groups.stream().flatMap(group -> group.modules().stream()).toList();
    }

    /** The declared group of this name. */
    public Optional<LoraGroup> group(String name) {
        return groups.stream().filter(g -> g.name().equals(name)).findFirst();
    }

    /** Declared and implicit group names, in order. */
    public List<String> names() {
        Stream<String> implicit = biases.isEmpty() ? Stream.of(HEAD) : Stream.of(BIAS, HEAD);
        return Stream.concat(implicit, groups.stream().map(LoraGroup::name))
                .sorted()
                .toList();
    }

    /** The tensors that a group trains, ordered by name. */
    public List<TensorSpec> tensors(String groupName) {
        if (groupName.equals(HEAD)) {
            return head;
        }
        if (groupName.equals(BIAS)) {
            return biases;
        }
        LoraGroup group = group(groupName)
                .orElseThrow(() -> new IllegalArgumentException("no group is named '" + groupName + "'"));
        List<TensorSpec> tensors = new ArrayList<>();
        for (LoraModule module : group.modules()) {
            tensors.addAll(variant.tensors(module));
            if (bias == BiasMode.LORA_ONLY && !module.isTable()) {
                tensors.add(new TensorSpec(module.bias(), List.of(module.outFeatures())));
            }
        }
        return tensors.stream().sorted().toList();
    }

    /** The tensors that a group keeps without training them, in no order that matters. */
    public List<TensorSpec> constants(String groupName) {
        return group(groupName).map(LoraGroup::modules).orElse(List.of()).stream()
                .flatMap(module -> variant.constants(module).stream())
                .toList();
    }

    /** How a group trains; the implicit groups train plainly. */
    public GroupSettings settings(String groupName) {
        return group(groupName).map(LoraGroup::settings).orElse(GroupSettings.PLAIN);
    }
}
