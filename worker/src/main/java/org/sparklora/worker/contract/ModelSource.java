package org.sparklora.worker.contract;

import java.io.Serializable;
import java.util.Collections;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Where the hosts find the base model.
 *
 * @param location a directory that every host has under this path, or the URI of one that each host copies once
 * @param sha256 of each file to copy, hexadecimal, by its name; empty where nothing is copied
 */
public record ModelSource(String location, SortedMap<String, String> sha256) implements Serializable {

    public ModelSource {
        sha256 = Collections.unmodifiableSortedMap(new TreeMap<>(sha256));
    }

    /** A directory that every host has. */
    public static ModelSource everywhere(String directory) {
        return new ModelSource(directory, Collections.emptySortedMap());
    }

    /** Whether each host makes its own copy. */
    public boolean isCopied() {
        return !sha256.isEmpty();
    }
}
