package org.sparklora.driver.model.keyed;

import java.util.Collections;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.sparklora.driver.job.manifest.ManifestFile;
import org.sparklora.worker.contract.Sha256;

/**
 * What a run knows of one key.
 *
 * @param reason why the key has no adapter of its own; empty if it has
 * @param adapter its adapter, if it has one
 */
public record KeyEntry(Rows rows, Outcome outcome, String reason, Optional<Packed> adapter) {

    /** What became of a key. */
    public enum Outcome {
        TRAINED,
        /** The key has fewer rows than {@code data.min_rows}. */
        LEFT_OUT,
        /** Training diverged, or the key's rows cannot be used. */
        FAILED
    }

    /**
     * The rows of a key.
     *
     * @param sha256 digest of their content, whatever their order; of training and validation rows
     */
    public record Rows(long training, long validation, String sha256) {}

    /**
     * An adapter in a packed file.
     *
     * @param manifest as in {@link KeyedAdapter#manifest}
     * @param epoch whose adapter it is, from 0
     * @param validation metrics of the last epoch; empty without validation rows
     * @param sha256 as in {@link KeyedAdapter#sha256}
     */
    public record Packed(
            ManifestFile manifest, int epoch, SortedMap<String, Double> validation, String sha256, Place place) {

        public Packed {
            validation = Collections.unmodifiableSortedMap(new TreeMap<>(validation));
        }
    }

    /**
     * Where the values of an adapter lie: float32, little-endian, tensor after tensor in the order of their names.
     *
     * @param file in the folder {@code adapters}
     * @param offset of the first byte in the file
     */
    public record Place(String file, long offset, int bytes) {}

    /** The name of a key in files: 16 hexadecimal digits of the SHA-256 of its text. */
    public static String id(String key) {
        return Sha256.hex(key).substring(0, 16);
    }
}
