package org.sparklora.worker.pickle;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.zip.CRC32;
import java.util.zip.CheckedInputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;
import org.apache.commons.io.IOUtils;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.contract.ForeignFile;
import org.sparklora.worker.pickle.PickleReader.Storage;
import org.sparklora.worker.pickle.PickleReader.StridedTensor;
import org.sparklora.worker.safetensors.DType;
import org.sparklora.worker.safetensors.Tensor;
import org.sparklora.worker.safetensors.TensorFile;
import org.sparklora.worker.safetensors.WeightsException;

/**
 * An open dictionary of tensors that {@code torch.save} wrote (PyTorch 1.6 or later): a zip archive with a pickle and one
 * file per storage. Loads data and never runs code: see {@link PickleReader}. The pickle is read on opening, tensors when
 * asked for.
 *
 * <p>Every size is checked against the file before memory is taken for it. Whoever opens it closes it. Not thread-safe.
 */
public final class TorchFile implements TensorFile {

    private static final String PICKLE = "data.pkl";
    private static final int MAX_PICKLE_BYTES = 16 << 20;
    private static final int CHUNK_BYTES = 1 << 18;

    /**
     * What a file should hold.
     *
     * @param name what a message calls the content, with its article
     * @param kind what a message compares the size with, with its article
     * @param maxBytes a size far above the largest of this kind; a file that unpacks to more is a mistake or an attack
     */
    public record Content(String name, String kind, long maxBytes) {

        /** A PEFT adapter. */
        public static final Content ADAPTER = new Content("an adapter", "a LoRA adapter", 1L << 30);

        /** Weights of a base model. */
        public static final Content MODEL = new Content("a model", "an encoder", 64L << 30);
    }

    private final String file;
    private final Content content;
    private final ZipFile zip;
    private final String folder;
    private final Map<String, StridedTensor> tensors;

    /** Values of storages that several tensors share, or that a tensor does not cover in order. */
    private final Map<String, float[]> storages = new HashMap<>();

    /** Values that may still be read. */
    private long elementsLeft;

    private TorchFile(String file, Content content, ZipFile zip) throws IOException {
        this.file = file;
        this.content = content;
        this.zip = zip;
        this.elementsLeft = content.maxBytes() / Float.BYTES;
        List<String> pickles = zip.stream()
                .map(ZipEntry::getName)
                .filter(name -> name.endsWith("/" + PICKLE))
                .toList();
        if (pickles.size() != 1) {
            throw bad(
                    "weights.format",
                    "a file that torch.save wrote has one data.pkl inside, this has " + pickles.size()
                            + "; copy the file again or convert it to safetensors");
        }
        this.folder = pickles.get(0).substring(0, pickles.get(0).length() - PICKLE.length());
        ZipEntry order = zip.getEntry(folder + "byteorder");
        if (order != null && !new String(bytes(order, 16), StandardCharsets.US_ASCII).equals("little")) {
            throw bad("weights.refused", "its values are big-endian; convert it to safetensors");
        }
        this.tensors = PickleReader.readStateDict(file, content, bytes(entry(PICKLE), MAX_PICKLE_BYTES));
    }

    /** Opens a file and reads which tensors it holds. */
    public static TorchFile open(Path path, Content content) {
        @Nullable ZipFile zip = null;
        try {
            refuseOtherFormats(path);
            zip = new ZipFile(path.toFile());
            return new TorchFile(path.toString(), content, zip);
        } catch (IOException e) {
            IOUtils.closeQuietly(zip);
            throw unusable(path.toString(), e);
        } catch (RuntimeException e) {
            IOUtils.closeQuietly(zip);
            throw e;
        }
    }

    private static WeightsException unusable(String file, IOException e) {
        return e instanceof ZipException
                ? new WeightsException(
                        "weights.damaged",
                        file + ": the archive is damaged or incomplete (" + e.getMessage() + "); copy the file again",
                        e)
                : new WeightsException(
                        "weights.unreadable", file + ": cannot be read (" + e.getMessage() + "); check the file", e);
    }

    private static void refuseOtherFormats(Path path) throws IOException {
        byte[] start;
        try (InputStream in = Files.newInputStream(path)) {
            start = in.readNBytes(ForeignFile.BYTES);
        }
        if (Arrays.equals(Arrays.copyOf(start, 4), new byte[] {'P', 'K', 3, 4})) {
            return;
        }
        boolean barePickle = start.length > 0 && start[0] == (byte) 0x80;
        String other = ForeignFile.of(start).orElse("this is not a file that torch.save wrote; copy the file again");
        throw new WeightsException(
                "weights.format",
                path
                        + (barePickle
                                ? ": this is the format of PyTorch before 1.6 (a bare pickle), which is not read;"
                                        + " load it with PyTorch and save it again, or convert it to safetensors"
                                : ": " + other));
    }

    @Override
    public SortedSet<String> names() {
        return new TreeSet<>(tensors.keySet());
    }

    @Override
    public List<Integer> shape(String name) {
        return checkedShape(name, strided(name));
    }

    @Override
    public void read(String name, Part into) {
        StridedTensor tensor = strided(name);
        Storage storage = tensor.storage();
        DType type = Objects.requireNonNull(PickleReader.STORAGES.get(storage.type()));
        if (!type.isFloat()) {
            throw bad(
                    "weights.dtype",
                    "tensor '" + name + "' is of type " + storage.type() + ", and " + content.name()
                            + "'s tensors are floating-point; this is not " + content.name());
        }
        int elements = (int) Tensor.size(checkedShape(name, tensor));
        // Stride 0 repeats values for free in PyTorch, but each takes memory here.
        take(elements);
        ZipEntry entry = storageEntry(storage, type);
        if (isWhole(tensor, elements)) {
            read(entry, storage, type, into);
            return;
        }
        float[] values = storages.get(storage.key());
        if (values == null) {
            take(storage.size());
            FloatBuffer all = FloatBuffer.allocate((int) storage.size());
            read(entry, storage, type, (part, count) -> all.put(part, 0, count));
            values = all.array();
            storages.put(storage.key(), values);
        }
        into.take(gather(values, tensor, elements), elements);
    }

    private void take(long elements) {
        elementsLeft -= elements;
        if (elementsLeft < 0) {
            throw tooLarge();
        }
    }

    /** The entry of a storage; refuses one of another size. */
    private ZipEntry storageEntry(Storage storage, DType type) {
        ZipEntry entry = entry("data/" + storage.key());
        if (storage.size() < 0
                || storage.size() > content.maxBytes()
                || storage.size() * type.bytes() != entry.getSize()) {
            throw wrongSize(storage, type, entry.getSize());
        }
        if (storage.size() > Integer.MAX_VALUE - 8) {
            throw tooLarge();
        }
        return entry;
    }

    private StridedTensor strided(String name) {
        StridedTensor tensor = tensors.get(name);
        if (tensor == null) {
            throw new IllegalArgumentException(file + " holds no tensor '" + name + "'");
        }
        return tensor;
    }

    /** Refuses a view that leaves its storage; afterwards every index fits an int. */
    private List<Integer> checkedShape(String name, StridedTensor tensor) {
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
            if (elements > Integer.MAX_VALUE) {
                throw tooLarge();
            }
            return dims;
        } catch (ArithmeticException e) {
            WeightsException outside = outside(name, tensor);
            outside.addSuppressed(e);
            throw outside;
        }
    }

    private WeightsException outside(String name, StridedTensor tensor) {
        return bad(
                "weights.damaged",
                "tensor '" + name + "' of shape " + tensor.shape() + " with strides " + tensor.strides() + " at offset "
                        + tensor.offset() + " does not fit its storage of "
                        + tensor.storage().size()
                        + " elements; the file is damaged, copy it again");
    }

    /** Whether a tensor is its whole storage, row-major, as the weights of models are. */
    private static boolean isWhole(StridedTensor tensor, int elements) {
        long stride = 1;
        for (int d = tensor.shape().size() - 1; d >= 0; d--) {
            if (tensor.shape().get(d) != 1 && tensor.strides().get(d) != stride) {
                return false;
            }
            stride *= tensor.shape().get(d);
        }
        return tensor.offset() == 0 && elements == tensor.storage().size();
    }

    /** Reads a whole storage chunk by chunk, so that its bytes are never in memory together. */
    private void read(ZipEntry entry, Storage storage, DType type, Part into) {
        int size = (int) storage.size();
        float[] values = new float[Math.min(size, CHUNK_BYTES / type.bytes())];
        byte[] chunk = new byte[CHUNK_BYTES];
        try (CheckedInputStream in = checked(entry)) {
            for (int done = 0; done < size; done += values.length) {
                int count = Math.min(values.length, size - done);
                int got = in.readNBytes(chunk, 0, count * type.bytes());
                if (got < count * type.bytes()) {
                    throw wrongSize(storage, type, done * (long) type.bytes() + got);
                }
                type.read(ByteBuffer.wrap(chunk).order(ByteOrder.LITTLE_ENDIAN), values, 0, count);
                into.take(values, count);
            }
            if (in.read() >= 0) {
                throw wrongSize(storage, type, entry.getSize() + 1);
            }
            requireSum(entry, in);
        } catch (IOException e) {
            throw unusable(file, e);
        }
    }

    private static float[] gather(float[] values, StridedTensor tensor, int elements) {
        int dims = tensor.shape().size();
        float[] gathered = new float[elements];
        long[] index = new long[dims];
        long at = tensor.offset();
        for (int i = 0; i < elements; i++) {
            gathered[i] = values[(int) at];
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

    private WeightsException wrongSize(Storage storage, DType type, long bytes) {
        return bad(
                "weights.damaged",
                "storage " + storage.key() + " should hold " + storage.size() + " elements of " + type.bytes()
                        + " bytes, but has " + bytes + " bytes; the file is damaged, copy it again");
    }

    private ZipEntry entry(String name) {
        ZipEntry entry = zip.getEntry(folder + name);
        if (entry == null) {
            throw bad("weights.damaged", "there is no " + folder + name + " in the archive; copy the file again");
        }
        return entry;
    }

    private byte[] bytes(ZipEntry entry, int max) throws IOException {
        // The archive's directory may state a wrong size, so this counts what comes out.
        try (CheckedInputStream in = checked(entry)) {
            byte[] bytes = in.readNBytes(max);
            if (in.read() >= 0) {
                throw tooLarge();
            }
            requireSum(entry, in);
            return bytes;
        }
    }

    private CheckedInputStream checked(ZipEntry entry) throws IOException {
        return new CheckedInputStream(zip.getInputStream(entry), new CRC32());
    }

    /** Checks what Java's ZipFile does not: it verifies checksums only for streams. */
    private void requireSum(ZipEntry entry, CheckedInputStream in) {
        if (in.getChecksum().getValue() != entry.getCrc()) {
            throw bad(
                    "weights.damaged",
                    entry.getName() + " in the archive fails its checksum; the file is damaged, copy it again");
        }
    }

    private WeightsException tooLarge() {
        return bad(
                "weights.too-large",
                "it unpacks to more than " + content.maxBytes() + " bytes of tensors or " + MAX_PICKLE_BYTES
                        + " bytes of pickle, far above " + content.kind() + "; this is not " + content.name());
    }

    private WeightsException bad(String code, String what) {
        return new WeightsException(code, file + ": " + what);
    }

    @Override
    public void close() {
        IOUtils.closeQuietly(zip);
    }
}
