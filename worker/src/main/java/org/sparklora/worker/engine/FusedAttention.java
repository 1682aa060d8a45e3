package org.sparklora.worker.engine;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import ai.djl.pytorch.jni.IValueUtils;
import ai.djl.pytorch.jni.JniUtils;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Map;

/**
 * PyTorch's {@code scaled_dot_product_attention}. DJL does not offer it, so this class calls it through a TorchScript module
 * of one line. The kernel never holds all scores at once, neither forward nor backward.
 *
 * <p>The process has one such module, without state. {@link Torch#prepareThread} keeps its executor from specialising
 * the module on what it has seen, so that the tenth call computes what the first did.
 */
final class FusedAttention {

    private static final String CODE = """
            class Attention(Module):
              __parameters__ = []
              __buffers__ = []
              training : bool
              def forward(self: __torch__.Attention,
                query: Tensor,
                key: Tensor,
                value: Tensor,
                mask: Tensor) -> Tensor:
                return torch.scaled_dot_product_attention(query, key, value, mask, 0., False)
            """;

    private static final PtSymbolBlock MODULE = load();

    private FusedAttention() {}

    /** Softmax(Q Kᵀ / √D + mask) V, all [B, N, S, D], mask [B, 1, 1, S]. */
    static NDArray of(NDArray query, NDArray key, NDArray value, NDArray mask) {
        NDArray result = IValueUtils.forward(MODULE, new NDList(query, key, value, mask), true)
                .singletonOrThrow();
        result.attach(query.getManager());
        return result;
    }

    private static PtSymbolBlock load() {
        try {
            ByteArrayOutputStream archive = new ByteArrayOutputStream();
            TorchScriptArchive.write(archive, "Attention", CODE, Map.of(), name -> new byte[0]);
            // A manager that is never closed: the module lives as long as the process.
            return JniUtils.loadModule(
                    (PtNDManager) Torch.newManager(), new ByteArrayInputStream(archive.toByteArray()), true, false);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
