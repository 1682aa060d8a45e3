package org.sparklora.worker.lora;

import java.util.function.Supplier;

/**
 * The weight of a module from which first values may be computed.
 *
 * @param values float32 [out, in], row-major; read when asked for
 * @param svd decomposes it
 */
public record BaseWeight(Supplier<float[]> values, Svd svd) {}
