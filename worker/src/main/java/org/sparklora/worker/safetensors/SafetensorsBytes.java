package org.sparklora.worker.safetensors;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/** A whole safetensors file in memory, as a remote file system gives it: the way back from {@link SafetensorsWriter#encode}. */
public final class SafetensorsBytes {

    private SafetensorsBytes() {}

    /**
     * All tensors as float32, by name; the same checks as {@link SafetensorsFile#open}.
     *
     * @param file its name, for messages
     */
    public static SortedMap<String, Tensor> decode(String file, byte[] bytes) {
        SafetensorsFile.requireLength(file, bytes.length);
        ByteBuffer all = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        int headerBytes = SafetensorsFile.headerBytes(file, all.getLong(0), bytes.length);
        int dataStart = Long.BYTES + headerBytes;
        SafetensorsHeader header = SafetensorsHeader.parse(
                file, Arrays.copyOfRange(bytes, Long.BYTES, dataStart), bytes.length - (long) dataStart);
        SortedMap<String, Tensor> tensors = new TreeMap<>();
        for (Map.Entry<String, SafetensorsHeader.Entry> named : header.entries().entrySet()) {
            SafetensorsHeader.Entry entry = named.getValue();
            DType dtype = DType.of(entry.dtype())
                    .filter(DType::isFloat)
                    .orElseThrow(() -> new SafetensorsException(file + ": tensor '" + named.getKey() + "' has dtype '"
                            + entry.dtype() + "', and floating-point values are needed; this is no adapter"));
            // Inside an array, so positions are ints.
            float[] values = new float[(int) entry.bytes() / dtype.bytes()];
            all.position(dataStart + (int) entry.begin());
            SafetensorsFile.widen(all, dtype, values, 0, values.length);
            tensors.put(named.getKey(), new Tensor(entry.shape(), values));
        }
        return tensors;
    }
}
