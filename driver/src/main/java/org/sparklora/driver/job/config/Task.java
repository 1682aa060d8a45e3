package org.sparklora.driver.job.config;

/** What the head predicts. */
public enum Task {
    /** One of several labels. */
    CLASSIFICATION,
    /** Any number of labels. */
    MULTI_LABEL,
    /** A number. */
    REGRESSION,
    /** One label for each token. */
    TOKEN_CLASSIFICATION
}
