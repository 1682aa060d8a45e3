package org.sparklora.driver.run.loop;

/** Receives the progress of caching trunk activations. Called in the order of the methods. */
public interface CacheListener {

    /**
     * The cached activations of training and validation rows.
     *
     * @param epoch first epoch that uses them
     * @param entering name of the layer whose input is cached
     * @param bytes of all of it
     * @param storage {@code memory} or {@code disk}
     */
    record CacheStats(int epoch, String entering, long rows, long bytes, String precision, String storage) {}

    /** The frozen trunk is about to run once. */
    void cachingStarted(CacheStats stats);

    /** The activations of this many rows are cached. */
    void cachingProgressed(CacheStats stats, long rows);

    /** All activations are cached, {@code seconds} of wall clock after {@link #cachingStarted}. */
    void cachingFinished(CacheStats stats, double seconds);
}
