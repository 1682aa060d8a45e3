package org.sparklora.worker.spark;

/** Where kept activations lie. Never changes a bit. */
public enum CacheStorage {
    /** The executor's heap. */
    MEMORY,
    /** A file in Spark's local directories, mapped: the operating system decides what of it is in memory. */
    DISK
}
