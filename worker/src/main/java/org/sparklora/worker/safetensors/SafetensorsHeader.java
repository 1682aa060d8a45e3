package org.sparklora.worker.safetensors;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The checked header of one file.
 *
 * <p>It follows the rules of Hugging Face's reader: the tensors, in order of their offsets, cover the data from the first
 * byte to the last without gap or overlap.
 */
final class SafetensorsHeader {

    /** Key of the free-form part, which no tensor may have. */
    static final String METADATA = "__metadata__";

    private static final long MAX_NUMBER = 999_999_999_999_999_999L;

    /** Two tensors of one name would hide one of them. */
    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    /** Where one tensor lies: [begin, end) counts from the first byte after the header. */
    record Entry(String dtype, List<Integer> shape, long begin, long end) {

        long bytes() {
            return end - begin;
        }
    }

    private final String file;
    private final long dataBytes;
    private final SortedMap<String, Entry> entries = new TreeMap<>();
    private final SortedMap<String, String> metadata = new TreeMap<>();

    /**
     * Parses and checks a header.
     *
     * @param file name of the file, for messages
     * @param dataBytes bytes of the file after the header
     */
    SafetensorsHeader(String file, byte[] utf8, long dataBytes) {
        this.file = file;
        this.dataBytes = dataBytes;
        JsonNode root = json(utf8);
        if (!root.isObject()) {
            throw bad("the header is not a JSON object");
        }
        for (Map.Entry<String, JsonNode> field : root.properties()) {
            if (field.getKey().equals(METADATA)) {
                readMetadata(field.getValue());
            } else {
                entries.put(field.getKey(), entry("tensor '" + field.getKey() + "'", field.getValue()));
            }
        }
        checkCoverage();
    }

    /** Where each tensor lies, by its name. */
    SortedMap<String, Entry> entries() {
        return Collections.unmodifiableSortedMap(entries);
    }

    /** The free-form {@code __metadata__}; empty if the header has none. */
    SortedMap<String, String> metadata() {
        return Collections.unmodifiableSortedMap(metadata);
    }

    private JsonNode json(byte[] utf8) {
        try {
            // Jackson would guess UTF-16 or UTF-32 from the first bytes; the format is UTF-8.
            return JSON.readTree(StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(utf8))
                    .toString());
        } catch (CharacterCodingException e) {
            throw bad("the header is not UTF-8 text", e);
        } catch (JsonProcessingException e) {
            throw bad("the header is not valid JSON: " + e.getOriginalMessage(), e);
        }
    }

    private void readMetadata(JsonNode node) {
        for (Map.Entry<String, JsonNode> field : node.properties()) {
            if (!field.getValue().isTextual()) {
                throw bad("the header's " + METADATA + "." + field.getKey() + " is not a string");
            }
            metadata.put(field.getKey(), field.getValue().textValue());
        }
        if (!node.isObject()) {
            throw bad("the header's " + METADATA + " is not an object");
        }
    }

    private Entry entry(String tensor, JsonNode node) {
        String dtype = node.path("dtype").textValue();
        if (dtype == null) {
            throw bad(tensor + ": dtype is missing or not a string");
        }
        List<Integer> shape = new ArrayList<>();
        for (long d : numbers(tensor, node, "shape")) {
            if (d > Integer.MAX_VALUE) {
                throw bad(tensor + ": the dimension " + d + " is too large");
            }
            shape.add((int) d);
        }
        List<Long> offsets = numbers(tensor, node, "data_offsets");
        if (offsets.size() != 2 || offsets.get(0) > offsets.get(1)) {
            throw bad(tensor + ": data_offsets " + offsets + " must be [begin, end]");
        }
        Entry entry = new Entry(dtype, List.copyOf(shape), offsets.get(0), offsets.get(1));
        checkSize(tensor, entry);
        return entry;
    }

    private List<Long> numbers(String tensor, JsonNode node, String key) {
        if (!node.path(key).isArray()) {
            throw bad(tensor + ": " + key + " is missing or not a list");
        }
        List<Long> numbers = new ArrayList<>();
        for (JsonNode number : node.path(key)) {
            if (!number.isIntegralNumber()
                    || !number.canConvertToLong()
                    || number.longValue() < 0
                    || number.longValue() > MAX_NUMBER) {
                throw bad(tensor + ": " + key + " holds " + number + ", not a whole number from 0 to 10^18");
            }
            numbers.add(number.longValue());
        }
        return numbers;
    }

    private void checkSize(String tensor, Entry entry) {
        Optional<DType> dtype = DType.of(entry.dtype());
        if (dtype.isPresent()) {
            long needed;
            try {
                needed = Math.multiplyExact(
                        Tensor.size(entry.shape()), (long) dtype.get().bytes());
            } catch (ArithmeticException e) {
                throw bad(tensor + ": shape " + entry.shape() + " is too large", e);
            }
            if (needed != entry.bytes()) {
                throw bad(tensor + ": " + entry.dtype() + entry.shape() + " needs " + needed
                        + " bytes, but data_offsets [" + entry.begin() + ", " + entry.end() + "] give it "
                        + entry.bytes());
            }
        }
        if (entry.end() > dataBytes) {
            throw bad(tensor + " ends at byte " + entry.end() + " of the data, but the file holds " + dataBytes);
        }
    }

    private void checkCoverage() {
        List<Map.Entry<String, Entry>> byOffset = new ArrayList<>(entries.entrySet());
        byOffset.sort(Comparator.comparingLong(
                        (Map.Entry<String, Entry> e) -> e.getValue().begin())
                .thenComparingLong(e -> e.getValue().end()));
        String before = "the header";
        long end = 0;
        for (Map.Entry<String, Entry> named : byOffset) {
            Entry entry = named.getValue();
            if (entry.begin() < end) {
                throw bad("tensor '" + named.getKey() + "' begins at byte " + entry.begin() + " and so overlaps '"
                        + before + "', which ends at " + end);
            }
            if (entry.begin() > end) {
                throw bad("bytes " + end + " to " + entry.begin() + ", before tensor '" + named.getKey()
                        + "', belong to no tensor");
            }
            before = named.getKey();
            end = entry.end();
        }
        if (end < dataBytes) {
            throw bad((dataBytes - end) + " bytes after the last tensor belong to no tensor");
        }
    }

    private WeightsException bad(String what) {
        return bad(what, null);
    }

    private WeightsException bad(String what, @Nullable Throwable cause) {
        return new WeightsException(
                "weights.damaged", file + ": " + what + "; the file is damaged or incomplete, copy it again", cause);
    }
}
