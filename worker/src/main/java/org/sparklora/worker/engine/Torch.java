package org.sparklora.worker.engine;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.jni.JniUtils;
import java.util.function.Supplier;
import org.sparklora.worker.contract.HostException;

/** The PyTorch engine of this process: its device, threads and managers. The device is chosen here and nowhere else. */
public final class Torch {

    private static final String ENGINE = "PyTorch";

    private Torch() {}

    /** The device of all computation. */
    public static Device device() {
        return Device.cpu();
    }

    /** A manager that owns arrays until it is closed; the caller closes it. */
    public static NDManager newManager() {
        return NDManager.newBaseManager(device(), ENGINE);
    }

    /**
     * Sets one intra-op thread for work started from this thread, because Spark already runs one task per core. Keeps
     * TorchScript from recompiling modules that it has seen often.
     */
    public static void prepareThread() {
        engine();
        JniUtils.setNumThreads(1);
        JniUtils.setGraphExecutorOptimize(false);
        JniUtils.setGradMode(false);
    }

    /** PyTorch's version, after its native library was loaded. */
    public static String version() {
        return engine().getVersion();
    }

    private static Engine engine() {
        return loaded(() -> Engine.getEngine(ENGINE));
    }

    /** Loads natives, or says why the host cannot. */
    static <T> T loaded(Supplier<T> load) {
        try {
            return load.get();
        } catch (RuntimeException | LinkageError e) {
            throw HostException.natives(e);
        }
    }
}
