package org.sparklora.worker.contract;

import java.nio.charset.Charset;
import org.jspecify.annotations.Nullable;

/**
 * The process cannot run spark-lora: its natives do not load, its locale cannot express a path, or its processor would round
 * differently than others of the run. Exit code 2.
 */
public final class HostException extends CodedException {

    private static final long serialVersionUID = 1L;

    private HostException(String code, String message, @Nullable Throwable cause) {
        super(code, message, cause);
    }

    /** Natives that do not load. The JVM throws errors for that, of which Spark would end the executor. */
    public static HostException natives(Throwable failure) {
        Throwable root = failure;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        return new HostException(
                "settings.natives",
                "native libraries of PyTorch do not load: " + root.toString().replaceAll("\\s*\\R\\s*", " ")
                        + "; let DJL_CACHE_DIR (for executors spark.executorEnv.DJL_CACHE_DIR) be a writable folder with 1 GB"
                        + " free on a disk that is not mounted noexec, and pass the natives by --jars as scripts/spark-lora does",
                failure);
    }

    /**
     * Refuses to compute beside processors with other instructions, which round differently.
     *
     * @param expected instructions of the run
     */
    public static void requireInstructions(String expected, String own) {
        if (!own.equals(expected)) {
            throw new HostException(
                    "settings.processor",
                    "this executor's processor has the instructions '" + own + "', but the run computes with '"
                            + expected
                            + "', and both would round differently; use machines of one kind (host-blas: Spark ML has loaded"
                            + " the host's BLAS, see docs/precision.md)",
                    null);
        }
    }

    /** Refuses to compute in bfloat16 without instructions for it, which would be slower than float32. */
    public static void requireBfloat16(HostReport.Hardware hardware) {
        if (!hardware.hasBfloat16()) {
            throw new HostException(
                    "settings.processor",
                    "bfloat16 needs a processor with avx512_bf16 or amx_bf16, and " + hardware.cpu() + " has only "
                            + hardware.features()
                            + "; use float32 (execution.precision, or --precision of predict and evaluate), or another"
                            + " machine",
                    null);
        }
    }

    /**
     * Refuses a path or argument that the locale of this process cannot express. Java would look for another file.
     *
     * @param name which Java may have read from the system already, with U+FFFD for what the locale does not know
     */
    public static void requireInLocale(String name) {
        requireIn(Charset.forName(System.getProperty("sun.jnu.encoding", "UTF-8")), name);
    }

    static void requireIn(Charset locale, String name) {
        if (!locale.name().equals("UTF-8") && !locale.newEncoder().canEncode(name)) {
            throw new HostException(
                    "settings.locale",
                    "the locale of this process has the character set " + locale + ", which cannot express '" + name
                            + "'; set LC_ALL=C.UTF-8 (for executors spark.executorEnv.LC_ALL, for a driver on YARN"
                            + " spark.yarn.appMasterEnv.LC_ALL)",
                    null);
        }
    }
}
