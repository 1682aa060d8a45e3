package org.sparklora.worker.allreduce;

import java.nio.ByteBuffer;
import java.util.Arrays;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.sparklora.worker.contract.Padding;
import org.sparklora.worker.contract.ShardSum;

/** A full chunk of a gradient, 256 KiB, on its way through a rank. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
public class FrameMicro {

    private final Chunks chunks = new Chunks(Chunks.MAX_VALUES, 1);
    private final ByteBuffer buffer = ByteBuffer.allocateDirect(Frame.bytes(Chunks.MAX_VALUES));
    private final ShardSum sum = new ShardSum(1, 1, 1, Padding.NONE, filled());
    private final ShardSum other = new ShardSum(1, 1, 1, Padding.NONE, filled());
    private final Frame.ChunkKey key = new Frame.ChunkKey(Frame.Kind.UP, 0, 3, 0);
    private final ByteBuffer message =
            Frame.encode(1, 1, key, sum, chunks, ByteBuffer.allocateDirect(Frame.bytes(Chunks.MAX_VALUES)));

    private static float[] filled() {
        float[] values = new float[Chunks.MAX_VALUES];
        Arrays.fill(values, 0.5f);
        return values;
    }

    /** Into a buffer, with its checksum. */
    @Benchmark
    public ByteBuffer encode() {
        return Frame.encode(1, 1, key, sum, chunks, buffer);
    }

    /** Out of a buffer, checked. */
    @Benchmark
    public Object decode() {
        return PeerMessage.decode(message.duplicate(), chunks);
    }

    /** One rank's values to another's. */
    @Benchmark
    public ShardSum add() {
        sum.addRange(other.gradient(), 0, 0, Chunks.MAX_VALUES);
        return sum;
    }
}
