package org.sparklora.worker.allreduce;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * A rank cannot go on, and says why before it leaves. Whoever hears it passes it on with the same words, so that every
 * rank names the culprit and not the neighbour that left because of it.
 *
 * @param reason names rank, host and step
 */
record Abort(long plan, int sender, String reason) implements PeerMessage {

    static final int CODE = 3;

    /** Longer reasons are cut: nobody reads them, and a frame must not be a way to fill a peer's memory. */
    private static final int LONGEST = 4000;

    ByteBuffer encode() {
        byte[] text = reason.getBytes(StandardCharsets.UTF_8);
        byte[] cut = text.length > LONGEST ? Arrays.copyOf(text, LONGEST) : text;
        ByteBuffer out =
                PeerMessage.open(ByteBuffer.allocate(HEADER_BYTES + cut.length + CRC_BYTES), plan, CODE, sender);
        return PeerMessage.seal(out.put(cut));
    }

    static Abort read(long plan, int sender, ByteBuffer in) {
        if (in.remaining() > LONGEST) {
            throw new ProtocolException("rank " + sender + " gives a reason of " + in.remaining() + " bytes");
        }
        return new Abort(plan, sender, StandardCharsets.UTF_8.decode(in).toString());
    }
}
