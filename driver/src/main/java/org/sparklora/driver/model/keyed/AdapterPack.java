package org.sparklora.driver.model.keyed;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.sparklora.driver.model.keyed.KeyEntry.Packed;
import org.sparklora.driver.model.keyed.KeyEntry.Place;
import org.sparklora.driver.run.history.RunDirectory;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.safetensors.SafetensorsWriter;
import org.sparklora.worker.safetensors.Tensor;

/**
 * The adapters of a run directory: its index, and the packed files that hold their values. A file is safetensors with the
 * tensors {@code ID/NAME}, ordered by name, so an adapter is one range of bytes.
 */
public record AdapterPack(RunDirectory directory, AdapterIndex index) {

    /** Folder in the run directory. */
    public static final String FOLDER = "adapters";

    /** The id of the fallback, which no key has. */
    public static final String FALLBACK = "fallback";

    /**
     * Reads the index of a run directory.
     *
     * @return empty if the run has no adapters by key
     */
    public static Optional<AdapterPack> find(RunDirectory directory) throws IOException {
        return directory
                .find(AdapterIndex.FILE)
                .map(json -> new AdapterPack(
                        directory, AdapterIndex.parse(directory.location() + "/" + AdapterIndex.FILE, json)));
    }

    /** The name of a packed file. */
    public static String part(int number) {
        return String.format(Locale.ROOT, "part-%05d.safetensors", number);
    }

    /**
     * Writes adapters to a packed file, in memory before.
     *
     * @param file in the folder {@value #FOLDER}
     * @param adapters by id
     * @return the place of each, by id
     */
    public static SortedMap<String, Place> write(
            RunDirectory directory, String file, SortedMap<String, KeyedAdapter> adapters) throws IOException {
        SortedMap<String, Tensor> tensors = new TreeMap<>();
        adapters.forEach((id, adapter) -> KeyedAdapter.tensors(adapter.manifest())
                .values()
                .forEach(tensor -> tensors.put(
                        id + "/" + tensor.name(),
                        new Tensor(tensor.shape(), adapter.values().view(tensor.name())))));
        byte[] bytes = SafetensorsWriter.encode(tensors);
        long offset = Long.BYTES
                + ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong();
        SortedMap<String, Place> places = new TreeMap<>();
        for (Map.Entry<String, KeyedAdapter> adapter : adapters.entrySet()) {
            int size = bytes(KeyedAdapter.tensors(adapter.getValue().manifest()));
            places.put(adapter.getKey(), new Place(file, offset, size));
            offset += size;
        }
        directory.write(FOLDER + "/" + file, bytes);
        return places;
    }

    private static int bytes(SortedMap<String, TensorSpec> tensors) {
        return Math.multiplyExact(
                Float.BYTES,
                tensors.values().stream().mapToInt(TensorSpec::size).sum());
    }

    /**
     * Reads one adapter, and no other bytes of its file.
     *
     * @throws AdapterPackException if it is not the one that the index names
     */
    public KeyedAdapter read(Packed packed) throws IOException {
        Place place = packed.place();
        String file = FOLDER + "/" + place.file();
        SortedMap<String, TensorSpec> tensors = KeyedAdapter.tensors(packed.manifest());
        byte[] bytes = directory.exists(file) ? directory.read(file, place.offset(), place.bytes()) : new byte[0];
        if (bytes.length != bytes(tensors)) {
            throw damaged(file, "has " + bytes.length + " of " + bytes(tensors) + " bytes");
        }
        ByteBuffer values = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        SortedMap<String, float[]> read = new TreeMap<>();
        tensors.forEach((name, tensor) -> {
            float[] tensorValues = new float[tensor.size()];
            values.asFloatBuffer().get(tensorValues);
            values.position(values.position() + tensorValues.length * Float.BYTES);
            read.put(name, tensorValues);
        });
        KeyedAdapter adapter = new KeyedAdapter(packed.manifest(), new AdapterSnapshot(read));
        if (!adapter.sha256().equals(packed.sha256())) {
            throw damaged(file, "has other values at byte " + place.offset());
        }
        return adapter;
    }

    private AdapterPackException damaged(String file, String what) {
        return new AdapterPackException(
                directory.location() + "/" + file + " is not the file that " + AdapterIndex.FILE + " describes: it "
                        + what,
                null);
    }
}
