package org.sparklora.worker.safetensors;

import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import java.io.IOException;
import java.io.StringReader;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The checked header of one file.
 *
 * <p>The same rules as Hugging Face's reader: the tensors, in order of their offsets, cover the data from its first byte
 * to its last without gap or overlap.
 *
 * @param entries by tensor name
 * @param metadata the free-form {@code __metadata__}; empty if there is none
 */
record SafetensorsHeader(SortedMap<String, Entry> entries, SortedMap<String, String> metadata) {

    /** Key of the free-form part, which no tensor may have. */
    static final String METADATA = "__metadata__";

    private static final Pattern NUMBER = Pattern.compile("0|[1-9][0-9]{0,17}");

    /** Where one tensor lies: [begin, end) counts from the first byte after the header. */
    record Entry(String dtype, List<Integer> shape, long begin, long end) {

        long bytes() {
            return end - begin;
        }
    }

    SafetensorsHeader {
        entries = Collections.unmodifiableSortedMap(entries);
        metadata = Collections.unmodifiableSortedMap(metadata);
    }

    /**
     * Parses and checks a header.
     *
     * @param file name of the file, for messages
     * @param dataBytes bytes of the file after the header
     */
    static SafetensorsHeader parse(String file, byte[] utf8, long dataBytes) {
        SafetensorsHeader header = new Parser(file, utf8).parse();
        new Layout(file, dataBytes).check(header.entries);
        return header;
    }

    /** Turns the JSON into entries; knows nothing of the data behind it. */
    private static final class Parser {

        private final String file;
        private final JsonReader json;

        Parser(String file, byte[] utf8) {
            this.file = file;
            try {
                String text = StandardCharsets.UTF_8
                        .newDecoder()
                        .decode(ByteBuffer.wrap(utf8))
                        .toString();
                this.json = new JsonReader(new StringReader(text));
            } catch (CharacterCodingException e) {
                throw new SafetensorsException(file + ": the header is not UTF-8 text; copy the file again", e);
            }
        }

        SafetensorsHeader parse() {
            SortedMap<String, Entry> entries = new TreeMap<>();
            SortedMap<String, String> metadata = new TreeMap<>();
            Set<String> seen = new HashSet<>();
            try {
                json.beginObject();
                while (json.hasNext()) {
                    String name = json.nextName();
                    if (!seen.add(name)) {
                        throw bad("the header names '" + name + "' twice");
                    }
                    if (name.equals(METADATA)) {
                        readMetadata(metadata);
                    } else {
                        entries.put(name, readEntry(name));
                    }
                }
                json.endObject();
                if (json.peek() != JsonToken.END_DOCUMENT) {
                    throw bad("the header goes on after its JSON object");
                }
            } catch (IOException | IllegalStateException e) {
                // Gson's own text speaks of its settings, which the reader of the message cannot change.
                throw new SafetensorsException(
                        file + ": the header is not the JSON object it must be (at " + json.getPath()
                                + "); copy the file again",
                        e);
            }
            return new SafetensorsHeader(entries, metadata);
        }

        private void readMetadata(SortedMap<String, String> metadata) throws IOException {
            json.beginObject();
            while (json.hasNext()) {
                String key = json.nextName();
                if (json.peek() != JsonToken.STRING) {
                    throw bad("the header's " + METADATA + "." + key + " is not a string");
                }
                metadata.put(key, json.nextString());
            }
            json.endObject();
        }

        private Entry readEntry(String name) throws IOException {
            String dtype = null;
            List<Long> shape = null;
            List<Long> offsets = null;
            if (json.peek() != JsonToken.BEGIN_OBJECT) {
                throw bad("tensor '" + name + "' is not described by an object");
            }
            json.beginObject();
            while (json.hasNext()) {
                switch (json.nextName()) {
                    case "dtype" -> {
                        if (json.peek() != JsonToken.STRING) {
                            throw bad("tensor '" + name + "': dtype is not a string");
                        }
                        dtype = json.nextString();
                    }
                    case "shape" -> shape = numbers(name, "shape");
                    case "data_offsets" -> offsets = numbers(name, "data_offsets");
                    default -> json.skipValue();
                }
            }
            json.endObject();
            return entry(
                    name,
                    present(name, "dtype", dtype),
                    present(name, "shape", shape),
                    present(name, "data_offsets", offsets));
        }

        private Entry entry(String name, String dtype, List<Long> shape, List<Long> offsets) {
            List<Integer> dims = new ArrayList<>();
            for (long d : shape) {
                if (d > Integer.MAX_VALUE) {
                    throw bad("tensor '" + name + "': shape " + shape + " is too large");
                }
                dims.add((int) d);
            }
            if (offsets.size() != 2 || offsets.get(0) > offsets.get(1)) {
                throw bad("tensor '" + name + "': data_offsets " + offsets + " must be [begin, end]");
            }
            return new Entry(dtype, List.copyOf(dims), offsets.get(0), offsets.get(1));
        }

        private List<Long> numbers(String name, String key) throws IOException {
            if (json.peek() != JsonToken.BEGIN_ARRAY) {
                throw bad("tensor '" + name + "': " + key + " is not a list");
            }
            List<Long> numbers = new ArrayList<>();
            json.beginArray();
            while (json.hasNext()) {
                if (json.peek() != JsonToken.NUMBER) {
                    throw bad("tensor '" + name + "': " + key + " holds something that is not a number");
                }
                String number = json.nextString();
                if (!NUMBER.matcher(number).matches()) {
                    throw bad("tensor '" + name + "': " + key + " holds " + number
                            + ", which is not a whole number from 0 to 10^18");
                }
                numbers.add(Long.parseLong(number));
            }
            json.endArray();
            return numbers;
        }

        private <T> T present(String name, String key, @Nullable T value) {
            if (value == null) {
                throw bad("tensor '" + name + "' has no " + key);
            }
            return value;
        }

        private SafetensorsException bad(String what) {
            return new SafetensorsException(file + ": " + what + "; the file is damaged, copy the file again");
        }
    }

    /** Holds entries against each other and against the data. */
    private record Layout(String file, long dataBytes) {

        void check(SortedMap<String, Entry> entries) {
            entries.forEach(this::checkEntry);
            List<String> byOffset = new ArrayList<>(entries.keySet());
            byOffset.sort(
                    Comparator.comparingLong((String name) -> at(entries, name).begin())
                            .thenComparingLong(name -> at(entries, name).end()));
            String before = "the header";
            long end = 0;
            for (String name : byOffset) {
                Entry entry = at(entries, name);
                if (entry.begin() < end) {
                    throw bad("tensor '" + name + "' begins at byte " + entry.begin() + " and so overlaps '" + before
                            + "', which ends at " + end);
                }
                if (entry.begin() > end) {
                    throw bad("bytes " + end + " to " + entry.begin() + ", before tensor '" + name
                            + "', belong to no tensor");
                }
                before = name;
                end = entry.end();
            }
            if (end < dataBytes) {
                throw bad((dataBytes - end) + " bytes after the last tensor belong to no tensor");
            }
        }

        private void checkEntry(String name, Entry entry) {
            Optional<DType> dtype = DType.of(entry.dtype());
            if (dtype.isPresent()) {
                long needed = bytes(name, entry, dtype.get());
                if (needed != entry.bytes()) {
                    throw bad("tensor '" + name + "': " + entry.dtype() + entry.shape() + " needs " + needed
                            + " bytes, but data_offsets [" + entry.begin() + ", " + entry.end() + "] give it "
                            + entry.bytes());
                }
            }
            if (entry.end() > dataBytes) {
                throw bad("tensor '" + name + "' ends at byte " + entry.end() + " of the data, but the file holds "
                        + dataBytes);
            }
        }

        private long bytes(String name, Entry entry, DType dtype) {
            try {
                long bytes = dtype.bytes();
                for (int d : entry.shape()) {
                    bytes = Math.multiplyExact(bytes, (long) d);
                }
                return bytes;
            } catch (ArithmeticException e) {
                throw new SafetensorsException(
                        file + ": tensor '" + name + "': shape " + entry.shape()
                                + " is too large; the file is damaged, copy the file again",
                        e);
            }
        }

        private static Entry at(SortedMap<String, Entry> entries, String name) {
            Entry entry = entries.get(name);
            if (entry == null) {
                throw new IllegalStateException("no entry for " + name);
            }
            return entry;
        }

        private SafetensorsException bad(String what) {
            return new SafetensorsException(
                    file + ": " + what + "; the file is damaged or incomplete, copy the file again");
        }
    }
}
