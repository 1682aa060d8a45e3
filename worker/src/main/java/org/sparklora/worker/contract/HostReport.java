package org.sparklora.worker.contract;

import java.io.Serializable;
import java.util.List;

/**
 * What an executor runs on, as it says itself: {@code doctor} asks every one.
 *
 * @param executor Spark's id of it; {@code driver} under a local master
 * @param folders what the folders that were asked for hold, a text each; equal texts are equal folders
 */
public record HostReport(String executor, String host, Software software, Hardware hardware, List<String> folders)
        implements Serializable {

    public HostReport {
        folders = List.copyOf(folders);
    }

    /**
     * What is installed.
     *
     * @param jar version of spark-lora
     */
    public record Software(String java, String spark, String scala, String jar, Natives natives)
            implements Serializable {}

    /**
     * Whether PyTorch's native libraries load.
     *
     * @param said PyTorch's version, or why they do not
     */
    public record Natives(boolean load, String said) implements Serializable {}

    /**
     * The machine, or what a container leaves of it.
     *
     * @param cpu the model's name
     * @param features those that matter for the speed and rounding of matrix products, such as {@code avx512f}
     * @param cores that the JVM sees
     * @param memoryBytes of the machine or, where that is less, of the container
     * @param heapBytes that the JVM's heap may grow to
     */
    public record Hardware(String cpu, List<String> features, int cores, long memoryBytes, long heapBytes)
            implements Serializable {

        public Hardware {
            features = List.copyOf(features);
        }

        /** Whether the processor multiplies bfloat16, faster than float32. */
        public boolean hasBfloat16() {
            return features.contains("avx512_bf16") || features.contains("amx_bf16");
        }
    }
}
