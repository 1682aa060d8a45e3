package org.sparklora.driver.run.checkpoint;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.sparklora.worker.contract.Sha256;

/**
 * The content of {@code checkpoint.json}: the length and SHA-256 of each part of a checkpoint.
 *
 * @param parts by file name
 */
record CheckpointMarker(SortedMap<String, Part> parts) {

    /** The marker's file name. */
    static final String FILE = "checkpoint.json";

    /** The version of the whole checkpoint, parts included. */
    static final int FORMAT = 1;

    /** Length and digest of a part. */
    record Part(long bytes, String sha256) {

        static Part of(byte[] content) {
            return new Part(content.length, Sha256.hex(content));
        }
    }

    static CheckpointMarker of(Map<String, byte[]> contents) {
        SortedMap<String, Part> parts = new TreeMap<>();
        contents.forEach((name, content) -> parts.put(name, Part.of(content)));
        return new CheckpointMarker(parts);
    }

    byte[] toJson() {
        ObjectNode root = CheckpointParts.JSON.createObjectNode().put("format", FORMAT);
        root.set("parts", CheckpointParts.JSON.valueToTree(parts));
        return CheckpointParts.bytes(root);
    }

    /**
     * Reads what {@link #toJson} wrote.
     *
     * @throws IllegalArgumentException if it is not a marker of this format
     */
    static CheckpointMarker parse(byte[] json) {
        JsonNode root = CheckpointParts.tree(FILE, json);
        if (root.path("format").asInt() != FORMAT) {
            throw new IllegalArgumentException(
                    FILE + " has format " + root.path("format") + ", and this version reads format " + FORMAT);
        }
        if (!root.path("parts").isObject()) {
            throw new IllegalArgumentException(FILE + " lists no parts");
        }
        return new CheckpointMarker(
                CheckpointParts.JSON.convertValue(root.path("parts"), new TypeReference<SortedMap<String, Part>>() {}));
    }

    /** Checks a part against the marker. */
    void require(String name, byte[] content) {
        Part wanted = parts.get(name);
        Part found = Part.of(content);
        if (wanted == null || found.bytes() != wanted.bytes()) {
            throw new IllegalArgumentException(name + " has " + found.bytes() + " bytes where its marker says "
                    + (wanted == null ? "nothing" : wanted.bytes()));
        }
        if (!found.sha256().equals(wanted.sha256())) {
            throw new IllegalArgumentException(
                    name + " has SHA-256 " + found.sha256() + " where its marker says " + wanted.sha256());
        }
    }
}
