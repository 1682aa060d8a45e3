package org.sparklora.worker.encoder.modernbert;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.Arrays;
import java.util.OptionalInt;
import org.sparklora.worker.encoder.Tokens;
import org.sparklora.worker.engine.Tensors;

/**
 * What the attention of a layer sees.
 *
 * @param theta the base of the rotary frequencies
 * @param reach how many tokens before and after itself a token sees, in a layer with a sliding window; empty: all tokens
 */
record LayerType(double theta, OptionalInt reach) {

    /**
     * A batch as the layers of one type see it.
     *
     * @param mask added to the scores: that of the tokens, [B, 1, 1, S], or [B, 1, S, S] where a window hides some of them
     * @param frequencies [D/2], see {@link #frequencies}
     */
    record View(Tokens tokens, NDArray mask, NDArray frequencies) {}

    /** The view of a batch; new arrays belong to {@code manager}. */
    View of(Tokens tokens, int headSize, NDManager manager) {
        return new View(tokens, mask(tokens, manager), Tensors.floats(manager, frequencies(headSize), headSize / 2));
    }

    /** The angles of the rotary positions, in radians a token: theta^(-2i / D) for i below D / 2, rounded as in transformers. */
    private float[] frequencies(int headSize) {
        float[] frequencies = new float[headSize / 2];
        for (int i = 0; i < frequencies.length; i++) {
            frequencies[i] = 1f / (float) StrictMath.pow(theta, 2.0 * i / headSize);
        }
        return frequencies;
    }

    private NDArray mask(Tokens tokens, NDManager manager) {
        int length = tokens.length();
        int seen = reach.orElse(length);
        if (seen >= length - 1) {
            return tokens.mask();
        }
        float[] hidden = new float[length * length];
        for (int i = 0; i < hidden.length; i++) {
            hidden[i] = Math.abs(i / length - i % length) > seen ? -Float.MAX_VALUE : 0f;
        }
        return Tensors.floats(manager, hidden, 1, 1, length, length).minimum(tokens.mask());
    }

    /** TorchScript: the variables that {@link #script} sets, as arguments. */
    String scriptNames() {
        return reach.isPresent() ? "mask_near, angles_near" : "mask_full, angles_full";
    }

    /** TorchScript: statements that set the mask and the angles [S, D/2] from {@code mask} and {@code places} [S]. */
    String script(int headSize) {
        String near = "torch.minimum(mask, torch.mul(torch.to(torch.gt(torch.abs(torch.sub(torch.unsqueeze(places, 1),"
                + " places)), " + reach.orElse(0) + "), mask), " + -Float.MAX_VALUE + "))";
        String[] names = scriptNames().split(", ");
        return "    " + names[0] + " = " + (reach.isPresent() ? near : "mask") + "\n    " + names[1]
                + " = torch.outer(places, torch.tensor(" + Arrays.toString(frequencies(headSize)) + "))\n";
    }
}
