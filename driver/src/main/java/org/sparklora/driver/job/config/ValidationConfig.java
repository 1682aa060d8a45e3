package org.sparklora.driver.job.config;

/** Where validation examples come from. */
public sealed interface ValidationConfig {

    /** Data of its own; keys that the file leaves out are those of the training data. */
    record Source(SourceConfig source) implements ValidationConfig {}

    /**
     * A part of the training data, held out.
     *
     * @param fraction above 0 and below 1
     */
    record Fraction(double fraction) implements ValidationConfig {}
}
