package org.sparklora.worker.contract;

/** The type in which the frozen layers are held and multiplied. What trains is float32 in both. */
public enum Precision {
    FLOAT32,
    /** Half the memory, and products with float32 sums; needs AVX512_BF16 or AMX. */
    BFLOAT16
}
