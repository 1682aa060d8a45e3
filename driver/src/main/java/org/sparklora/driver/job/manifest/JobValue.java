package org.sparklora.driver.job.manifest;

/**
 * A value of a group, its own or inherited, and its path in the job file, for messages.
 *
 * @param key e.g. {@code lora.rank_pattern} or {@code lora.groups.top.rank_pattern}
 */
public record JobValue<T>(String key, T value) {}
