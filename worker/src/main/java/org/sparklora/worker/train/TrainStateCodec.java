package org.sparklora.worker.train;

import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.train.AdamW.Moments;

/**
 * The binary format of a {@link TrainStateSnapshot}, and of an adapter alone. Little-endian:
 *
 * <pre>
 * magic, version            int32 each
 * declared groups           count, then name and state's label for each
 * groups that are not dormant   count, then name and int64 steps since the thaw
 * tensors                   count, then name, int32 updates, values, first moment, second moment
 * </pre>
 *
 * <p>An adapter has its own magic, then its tensors as name and values. Texts are an int32 length and UTF-8, floats an
 * int32 count and their bits, so every value is read back exactly. Equal states give equal bytes. Java serialization is
 * not used, because reading it would construct whatever classes the file names.
 */
public final class TrainStateCodec {

    private static final int STATE_MAGIC = 0x54_53_4C_53; // "SLST"
    private static final int ADAPTER_MAGIC = 0x44_41_4C_53; // "SLAD"
    private static final int VERSION = 1;

    private TrainStateCodec() {}

    /** The bytes of a state. */
    public static byte[] encode(TrainStateSnapshot state) {
        FieldWriter out = new FieldWriter(STATE_MAGIC, VERSION);
        out.count(state.freeze().states().size());
        state.freeze().states().forEach((group, s) -> {
            out.text(group);
            out.text(s.label());
        });
        out.count(state.stepsSinceThaw().size());
        state.stepsSinceThaw().forEach((group, steps) -> {
            out.text(group);
            out.whole(steps);
        });
        out.count(state.moments().size());
        state.moments().forEach((tensor, moments) -> {
            out.text(tensor);
            out.count(moments.steps);
            out.floats(state.values().view(tensor));
            out.floats(moments.first);
            out.floats(moments.second);
        });
        return out.bytes();
    }

    /**
     * Reads a state.
     *
     * @throws IllegalArgumentException if they are not exactly what {@link #encode(TrainStateSnapshot)} wrote
     */
    public static TrainStateSnapshot decodeState(byte[] bytes) {
        FieldReader in = new FieldReader(bytes, STATE_MAGIC, VERSION);
        Map<String, GroupState> freeze = new TreeMap<>();
        for (int i = in.count(); i > 0; i--) {
            freeze.put(in.text(), GroupState.valueOf(in.text().toUpperCase(Locale.ROOT)));
        }
        Map<String, Long> steps = new TreeMap<>();
        for (int i = in.count(); i > 0; i--) {
            steps.put(in.text(), in.whole());
        }
        Map<String, float[]> values = new TreeMap<>();
        Map<String, Moments> moments = new TreeMap<>();
        for (int i = in.count(); i > 0; i--) {
            String tensor = in.text();
            int updates = in.count();
            values.put(tensor, in.floats());
            moments.put(tensor, new Moments(in.floats(), in.floats(), updates));
        }
        in.end();
        return new TrainStateSnapshot(FreezeState.of(freeze), new AdapterSnapshot(values), moments, steps);
    }

    /** The bytes of an adapter. */
    public static byte[] encode(AdapterSnapshot adapter) {
        FieldWriter out = new FieldWriter(ADAPTER_MAGIC, VERSION);
        out.count(adapter.names().size());
        for (String tensor : adapter.names()) {
            out.text(tensor);
            out.floats(adapter.view(tensor));
        }
        return out.bytes();
    }

    /**
     * Reads an adapter.
     *
     * @throws IllegalArgumentException if they are not exactly what {@link #encode(AdapterSnapshot)} wrote
     */
    public static AdapterSnapshot decodeAdapter(byte[] bytes) {
        FieldReader in = new FieldReader(bytes, ADAPTER_MAGIC, VERSION);
        Map<String, float[]> values = new TreeMap<>();
        for (int i = in.count(); i > 0; i--) {
            values.put(in.text(), in.floats());
        }
        in.end();
        return new AdapterSnapshot(values);
    }
}
