package org.sparklora.worker.engine;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import ai.djl.pytorch.jni.IValueUtils;
import ai.djl.pytorch.jni.JniUtils;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;

/**
 * PyTorch's operators that DJL does not offer, as the methods of a TorchScript module without state, {@code kernels.py}. The
 * process has one.
 *
 * <p>{@link Torch#prepareThread} keeps the executor from specialising a method on what it has seen, so that the hundredth call
 * computes what the first did. DJL's runMethod is not used: it makes inference tensors, which autograd refuses.
 */
final class Script {

    /** Owns the module, and what is passed to it again and again; never closed. */
    private static final NDManager FOREVER = Torch.newManager();

    private static final PtSymbolBlock MODULE = load();
    private static final Map<String, NDArray> METHODS = new ConcurrentHashMap<>();
    private static final Map<Double, NDArray> NUMBERS = new ConcurrentHashMap<>();

    private Script() {}

    /** Calls a method that returns one tensor, which then belongs to {@code manager}. */
    static NDArray call(NDManager manager, String method, NDArray... arguments) {
        return callForAll(manager, method, arguments).singletonOrThrow();
    }

    /** Calls a method that returns a tuple of tensors, which then belong to {@code manager}. */
    static NDList callForAll(NDManager manager, String method, NDArray... arguments) {
        NDList all = new NDList(arguments);
        all.add(METHODS.computeIfAbsent(method, Script::marker));
        NDList results = IValueUtils.forward(MODULE, all, true);
        results.attach(manager);
        return results;
    }

    /** A number as an argument. */
    static NDArray number(double value) {
        return NUMBERS.computeIfAbsent(value, v -> FOREVER.create(new double[] {v}));
    }

    /** An argument with such a name tells DJL which method to call. */
    private static NDArray marker(String method) {
        NDArray marker = FOREVER.create(false);
        marker.setName("module_method:" + method);
        return marker;
    }

    private static PtSymbolBlock load() {
        try (InputStream in = Objects.requireNonNull(Script.class.getResourceAsStream("kernels.py"))) {
            String code = new String(in.readAllBytes(), StandardCharsets.UTF_8);
            ByteArrayOutputStream archive = new ByteArrayOutputStream();
            TorchScriptArchive.write(archive, "Kernels", code, Map.of(), (name, out) -> {});
            return JniUtils.loadModule(
                    (PtNDManager) FOREVER, new ByteArrayInputStream(archive.toByteArray()), true, false);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
