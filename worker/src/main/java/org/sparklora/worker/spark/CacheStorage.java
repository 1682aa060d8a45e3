package org.sparklora.worker.spark;

/** Where activations are cached. The choice does not change any bit. */
public enum CacheStorage {
    /** The executor's heap. */
    MEMORY,
    /** A file in Spark's local directories: the operating system decides which pages are in memory. */
    DISK
}
