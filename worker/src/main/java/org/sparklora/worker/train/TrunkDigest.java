package org.sparklora.worker.train;

import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.Precision;
import org.sparklora.worker.contract.Sha256;
import org.sparklora.worker.encoder.Encoder;

/** Names what enters a stage by everything that it comes from. */
public final class TrunkDigest {

    private TrunkDigest() {}

    /**
     * SHA-256, hexadecimal.
     *
     * @param source base model and tokens: what never changes in a run
     * @param snapshot values of every tensor that is not dormant; those below the stage count
     */
    public static String of(String source, Encoder encoder, int stage, Precision precision, AdapterSnapshot snapshot) {
        String below = snapshot.only(name -> encoder.stageOf(name) < stage).sha256();
        String all = source + "\n" + stage + "\n" + precision + "\n" + below;
        return Sha256.hex(all);
    }
}
