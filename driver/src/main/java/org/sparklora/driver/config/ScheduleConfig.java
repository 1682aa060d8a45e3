package org.sparklora.driver.config;

import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Which groups are live when.
 *
 * @param live groups that are live at the start; may be empty
 * @param groups ordered groups that metric and sampling policies act on; empty: none was given
 * @param events in the file's order, not necessarily that of epochs; legal when applied in the order of epochs
 * @param policySettings the reserved keys that the file gives, by key, as plain values
 */
public record ScheduleConfig(
        Policy policy,
        List<String> live,
        Optional<List<String>> groups,
        List<ScheduleEvent> events,
        SortedMap<String, Object> policySettings) {

    public ScheduleConfig {
        live = List.copyOf(live);
        groups = groups.map(List::copyOf);
        events = List.copyOf(events);
        policySettings = Collections.unmodifiableSortedMap(new TreeMap<>(policySettings));
    }
}
