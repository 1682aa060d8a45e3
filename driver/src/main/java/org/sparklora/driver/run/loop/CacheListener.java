package org.sparklora.driver.run.loop;

/** Who wants to know what is being kept of the frozen prefix. Called in order. */
public interface CacheListener {

    /**
     * What is kept of the training and validation rows.
     *
     * @param epoch first epoch that uses it
     * @param entering name of the stage whose input is kept
     * @param bytes of all of it
     * @param storage {@code memory} or {@code disk}
     */
    record CacheStats(int epoch, String entering, long rows, long bytes, String precision, String storage) {}

    /** The frozen prefix is about to run once. */
    void keeps(CacheStats what);

    /** So many rows are done. */
    void keptSoFar(CacheStats what, long rows);

    /** All of it is kept, {@code seconds} of wall clock after {@link #keeps}. */
    void kept(CacheStats what, double seconds);
}
