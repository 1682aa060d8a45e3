package org.sparklora.worker.allreduce;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * The message of a rank that cannot continue. Ranks pass the reason on unchanged, so that every rank names the rank that failed
 * first, not a neighbour that left because of it.
 *
 * @param reason why, with rank, host and step
 */
record Abort(long sessionId, int sender, String reason) implements PeerMessage {

    static final int CODE = 3;

    /** Longer reasons are cut, so that a message cannot fill a peer's memory. */
    private static final int MAX_BYTES = 4000;

    ByteBuffer encode() {
        byte[] text = reason.getBytes(StandardCharsets.UTF_8);
        byte[] cut = text.length > MAX_BYTES ? Arrays.copyOf(text, MAX_BYTES) : text;
        ByteBuffer out =
                PeerMessage.open(ByteBuffer.allocate(HEADER_BYTES + cut.length + CRC_BYTES), sessionId, CODE, sender);
        return PeerMessage.seal(out.put(cut));
    }

    static Abort read(long sessionId, int sender, ByteBuffer in) {
        if (in.remaining() > MAX_BYTES) {
            throw new ProtocolException("rank " + sender + " sent a reason of " + in.remaining() + " bytes");
        }
        return new Abort(sessionId, sender, StandardCharsets.UTF_8.decode(in).toString());
    }
}
