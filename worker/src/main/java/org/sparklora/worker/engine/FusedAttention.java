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
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * PyTorch's {@code scaled_dot_product_attention}, which DJL does not offer: called through a TorchScript module of one
 * line. Its kernel never holds all scores at once, neither forward nor backward.
 *
 * <p>The module is one for the process and has no state. {@link Torch#prepareThread} keeps its executor from specialising
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

    /** The module's state as Python's pickle, protocol 2: {@code Attention()} with {@code {"training": False}}. */
    private static final String STATE = "\u0080\u0002c__torch__\nAttention\n)\u0081}(X\u0008\0\0\0training\u0089ub.";

    /** An empty tuple. */
    private static final String CONSTANTS = "\u0080\u0002).";

    /** Of the archive format; what today's operators need. */
    private static final String VERSION = "3\n";

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
            // A manager that is never closed: the module lives as long as the process.
            return JniUtils.loadModule(
                    (PtNDManager) Torch.newManager(), new ByteArrayInputStream(archive()), true, false);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static byte[] archive() throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
            store(zip, "attention/data.pkl", STATE);
            store(zip, "attention/code/__torch__.py", CODE);
            store(zip, "attention/constants.pkl", CONSTANTS);
            store(zip, "attention/version", VERSION);
        }
        return bytes.toByteArray();
    }

    /** Without compression, as PyTorch maps its archives. */
    private static void store(ZipOutputStream zip, String name, String content) throws IOException {
        byte[] bytes = content.getBytes(StandardCharsets.ISO_8859_1);
        CRC32 crc = new CRC32();
        crc.update(bytes);
        ZipEntry entry = new ZipEntry(name);
        entry.setMethod(ZipEntry.STORED);
        entry.setSize(bytes.length);
        entry.setCrc(crc.getValue());
        zip.putNextEntry(entry);
        zip.write(bytes);
        zip.closeEntry();
    }
}
