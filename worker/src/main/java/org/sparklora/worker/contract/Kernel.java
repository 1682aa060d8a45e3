package org.sparklora.worker.contract;

/** The library that multiplies matrices. Both are part of PyTorch; they round differently. */
public enum Kernel {
    /** oneDNN, which uses AVX-512 and, in bfloat16, AVX512_BF16 or AMX on every processor that has them. */
    ONEDNN,
    /** MKL, PyTorch's own choice for float32, which uses no more than AVX2 on processors that are not Intel's. */
    MKL
}
