package org.sparklora.worker.contract;

import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.Serializable;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Numbers that Java serialization copies as one block of bytes. Float by float, writing and reading them would be most of the
 * work of sending a gradient.
 */
public final class PackedFloats implements Serializable {

    private static final long serialVersionUID = 1L;

    private transient float[] values;

    /** Wraps an array, without a copy. */
    public PackedFloats(float[] values) {
        this.values = values;
    }

    /** The array itself, not a copy. */
    public float[] values() {
        return values;
    }

    private void writeObject(ObjectOutputStream out) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(Math.multiplyExact(Float.BYTES, values.length))
                .order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(values);
        out.writeObject(bytes.array());
    }

    private void readObject(ObjectInputStream in) throws IOException, ClassNotFoundException {
        ByteBuffer bytes = ByteBuffer.wrap((byte[]) in.readObject()).order(ByteOrder.LITTLE_ENDIAN);
        values = new float[bytes.capacity() / Float.BYTES];
        bytes.asFloatBuffer().get(values);
    }
}
