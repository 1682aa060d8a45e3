package org.sparklora.driver.config;

/** Precision of cached activations. */
public enum ActivationCacheType {
    FLOAT32,
    FLOAT16
}
