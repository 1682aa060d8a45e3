package org.sparklora.driver.job.config;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/** The groups that events add: read as those of {@code lora.groups} are, and declared beside them. */
final class AddedGroups {

    private final LoraConfig lora;
    private final SortedMap<String, GroupConfig> added = new TreeMap<>();
    private final Map<String, String> homes = new HashMap<>();

    /** @param lora with the groups of {@code lora.groups} */
    AddedGroups(LoraConfig lora) {
        this.lora = lora;
        lora.groups().keySet().forEach(name -> homes.put(name, "lora.groups"));
    }

    /** Reads what one event adds; the names that are new. */
    List<String> read(YamlSection event) {
        YamlSection add = event.section("add");
        List<String> names = new ArrayList<>();
        for (String name : add.keys()) {
            LoraReader.checkName(add, name);
            GroupConfig group = LoraReader.group(add.section(name), lora);
            String home = homes.putIfAbsent(name, event.path("add"));
            if (home == null) {
                added.put(name, group);
                names.add(name);
            } else {
                add.problem(name, "is declared in " + home + " already; keep one of the two");
            }
        }
        return names;
    }

    boolean contains(String name) {
        return added.containsKey(name);
    }

    /** The adapter with all groups, as if those that events add had been there from the start. */
    LoraConfig lora() {
        SortedMap<String, GroupConfig> all = new TreeMap<>(added);
        all.putAll(lora.groups());
        return lora.withGroups(all);
    }
}
