package org.sparklora.driver.interop;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;
import org.sparklora.worker.safetensors.HalfFloats;
import org.sparklora.worker.safetensors.Tensor;

/**
 * Reads a dictionary of tensors that {@code torch.save} wrote (PyTorch 1.6 or later): a zip archive with a pickle and one
 * file per storage. Loads data and never runs code: see {@link PickleReader}.
 *
 * <p>Every size is checked against the file before memory is taken for it.
 */
public final class TorchPickle {

    private static final int MOST_PICKLE_BYTES = 16 << 20;

    /** Far above any LoRA adapter; a file that unpacks to more is a mistake or an attack. */
    private static final long MOST_BYTES = 1L << 30;

    private final String file;
    private final ZipFile zip;
    private final String folder;
    private final Map<String, byte[]> storages = new HashMap<>();
    private long bytesLeft = MOST_BYTES;
    private long elementsLeft = MOST_BYTES / Float.BYTES;

    private TorchPickle(String file, ZipFile zip, String folder) {
        this.file = file;
        this.zip = zip;
        this.folder = folder;
    }

    /** The tensors by name, widened to float32 (float64 is rounded to nearest). */
    public static SortedMap<String, Tensor> read(Path path) {
        refuseOtherFormats(path);
        try (ZipFile zip = new ZipFile(path.toFile())) {
            List<String> pickles = zip.stream()
                    .map(ZipEntry::getName)
                    .filter(name -> name.endsWith("/data.pkl"))
                    .toList();
            if (pickles.size() != 1) {
                throw new PeftException(path + ": a file that torch.save wrote has one data.pkl inside, this has "
                        + pickles.size() + "; copy the file again or convert it to safetensors");
            }
            String pickle = pickles.get(0);
            String folder = pickle.substring(0, pickle.length() - "data.pkl".length());
            return new TorchPickle(path.toString(), zip, folder).tensors();
        } catch (ZipException e) {
            throw new PeftException(
                    path + ": the archive is damaged or incomplete (" + e.getMessage() + "); copy the file again", e);
        } catch (IOException e) {
            throw new PeftException(path + ": cannot be read (" + e.getMessage() + "); check the file", e);
        }
    }

    private static void refuseOtherFormats(Path path) {
        byte[] start;
        try (InputStream in = Files.newInputStream(path)) {
            start = in.readNBytes(4);
        } catch (IOException e) {
            throw new PeftException(path + ": cannot be read (" + e.getMessage() + "); check the file", e);
        }
        if (start.length == 4 && start[0] == 'P' && start[1] == 'K' && start[2] == 3 && start[3] == 4) {
            return;
        }
        if (start.length > 0 && start[0] == (byte) 0x80) {
            throw new PeftException(
                    path + ": this is the format of PyTorch before 1.6 (a bare pickle), which is not read;"
                            + " load it with PyTorch and save it again, or convert it to safetensors");
        }
        throw new PeftException(path + ": this is not a file that torch.save wrote; copy the file again");
    }

    private SortedMap<String, Tensor> tensors() throws IOException {
        ZipEntry order = zip.getEntry(folder + "byteorder");
        if (order != null && !new String(bytes(order, 16), StandardCharsets.US_ASCII).equals("little")) {
            throw bad("its values are big-endian; convert it to safetensors");
        }
        ZipEntry pickle = entry("data.pkl");
        Map<String, PickleReader.StridedTensor> dict =
                PickleReader.readStateDict(file, bytes(pickle, MOST_PICKLE_BYTES));
        SortedMap<String, Tensor> tensors = new TreeMap<>();
        for (Map.Entry<String, PickleReader.StridedTensor> e : dict.entrySet()) {
            tensors.put(e.getKey(), tensor(e.getKey(), e.getValue()));
        }
        return tensors;
    }

    private Tensor tensor(String name, PickleReader.StridedTensor tensor) throws IOException {
        ElementType type = ElementType.of(tensor.storage().type());
        if (type == ElementType.OTHER) {
            throw bad("tensor '" + name + "' is of type " + tensor.storage().type()
                    + ", and an adapter's tensors are floating-point; this is not an adapter");
        }
        List<Integer> shape = checkedShape(name, tensor);
        ByteBuffer values = ByteBuffer.wrap(storage(tensor.storage(), type)).order(ByteOrder.LITTLE_ENDIAN);
        return new Tensor(shape, gather(values, type, tensor));
    }

    /** Refuses a view that leaves its storage; afterwards every index fits an int. */
    private List<Integer> checkedShape(String name, PickleReader.StridedTensor tensor) {
        List<Long> shape = tensor.shape();
        List<Long> strides = tensor.strides();
        if (shape.size() != strides.size() || tensor.offset() < 0) {
            throw outside(name, tensor);
        }
        List<Integer> dims = new ArrayList<>();
        try {
            long elements = 1;
            long last = tensor.offset();
            for (int d = 0; d < shape.size(); d++) {
                if (shape.get(d) < 0 || strides.get(d) < 0) {
                    throw outside(name, tensor);
                }
                elements = Math.multiplyExact(elements, shape.get(d));
                last = Math.addExact(last, Math.multiplyExact(Math.max(0, shape.get(d) - 1), strides.get(d)));
                dims.add(Math.toIntExact(shape.get(d)));
            }
            if (elements > 0 && last >= tensor.storage().size()) {
                throw outside(name, tensor);
            }
            // Stride 0 repeats values for free in PyTorch, but each takes memory here.
            elementsLeft -= elements;
            if (elementsLeft < 0) {
                throw tooLarge();
            }
            return dims;
        } catch (ArithmeticException e) {
            PeftException outside = outside(name, tensor);
            outside.addSuppressed(e);
            throw outside;
        }
    }

    private PeftException outside(String name, PickleReader.StridedTensor tensor) {
        return bad(
                "tensor '" + name + "' of shape " + tensor.shape() + " with strides " + tensor.strides() + " at offset "
                        + tensor.offset() + " does not fit its storage of "
                        + tensor.storage().size()
                        + " elements; the file is damaged, copy it again");
    }

    private static float[] gather(ByteBuffer values, ElementType type, PickleReader.StridedTensor tensor) {
        int dims = tensor.shape().size();
        int elements = 1;
        for (long d : tensor.shape()) {
            elements *= (int) d;
        }
        float[] gathered = new float[elements];
        long[] index = new long[dims];
        long at = tensor.offset();
        for (int i = 0; i < elements; i++) {
            gathered[i] = type.read(values, (int) at);
            for (int d = dims - 1; d >= 0; d--) {
                long stride = tensor.strides().get(d);
                at += stride;
                if (++index[d] < tensor.shape().get(d)) {
                    break;
                }
                at -= index[d] * stride;
                index[d] = 0;
            }
        }
        return gathered;
    }

    private byte[] storage(PickleReader.Storage storage, ElementType type) throws IOException {
        byte[] known = storages.get(storage.key());
        if (known == null) {
            known = bytes(entry("data/" + storage.key()), bytesLeft);
            bytesLeft -= known.length;
            storages.put(storage.key(), known);
        }
        if (storage.size() < 0 || storage.size() > MOST_BYTES || storage.size() * type.bytes != known.length) {
            throw bad("storage " + storage.key() + " should hold " + storage.size() + " elements of " + type.bytes
                    + " bytes, but has " + known.length + " bytes; the file is damaged, copy it again");
        }
        return known;
    }

    private ZipEntry entry(String name) {
        ZipEntry entry = zip.getEntry(folder + name);
        if (entry == null) {
            throw bad("there is no " + folder + name + " in the archive; copy the file again");
        }
        return entry;
    }

    private byte[] bytes(ZipEntry entry, long most) throws IOException {
        if (entry.getSize() > most) {
            throw tooLarge();
        }
        // The size in the directory may be a lie; what comes out counts.
        try (InputStream in = zip.getInputStream(entry)) {
            byte[] bytes = in.readNBytes((int) most);
            if (in.read() >= 0) {
                throw tooLarge();
            }
            // Java checks these sums only for streams, not for archives opened as files.
            CRC32 sum = new CRC32();
            sum.update(bytes);
            if (sum.getValue() != entry.getCrc()) {
                throw bad(entry.getName() + " in the archive fails its checksum; the file is damaged, copy it again");
            }
            return bytes;
        }
    }

    private PeftException tooLarge() {
        return bad("it unpacks to more than " + MOST_BYTES + " bytes of tensors or " + MOST_PICKLE_BYTES
                + " bytes of pickle, far above a LoRA adapter; this is not an adapter");
    }

    private PeftException bad(String what) {
        return new PeftException(file + ": " + what);
    }

    /** How the elements of a storage are stored. */
    private enum ElementType {
        FLOAT("FloatStorage", 4),
        HALF("HalfStorage", 2),
        BFLOAT16("BFloat16Storage", 2),
        DOUBLE("DoubleStorage", 8),
        OTHER("", 1);

        private final String storage;
        private final int bytes;

        ElementType(String storage, int bytes) {
            this.storage = storage;
            this.bytes = bytes;
        }

        static ElementType of(String storage) {
            for (ElementType type : values()) {
                if (type.storage.equals(storage)) {
                    return type;
                }
            }
            return OTHER;
        }

        float read(ByteBuffer from, int index) {
            return switch (this) {
                // By bits: a float passed as a float may lose a NaN's payload.
                case FLOAT -> Float.intBitsToFloat(from.getInt(index * 4));
                case HALF -> HalfFloats.fromF16(from.getShort(index * 2));
                case BFLOAT16 -> HalfFloats.fromBf16(from.getShort(index * 2));
                case DOUBLE -> (float) from.getDouble(index * 8);
                case OTHER -> throw new IllegalStateException(this + " is not a float");
            };
        }
    }
}
