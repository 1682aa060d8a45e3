package org.sparklora.worker.inference;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.sparklora.worker.contract.Precision;
import org.sparklora.worker.data.Batch;
import org.sparklora.worker.data.Example;

class SharedTrunksTest {

    private static final Object BASE = new Object();

    private static Batch batch(int padTokenId, int[]... rows) {
        return Batch.of(
                List.of(rows).stream()
                        .map(ids -> new Example(ids, ids.length, 0, 1f, 0))
                        .toList(),
                padTokenId);
    }

    private static SharedTrunks.Key key(Object base, int layerIndex, Batch batch) {
        return SharedTrunks.Key.of(base, layerIndex, batch);
    }

    private static SharedTrunks.Activations values(int count) {
        return new SharedTrunks.Activations(new float[count], Precision.FLOAT32);
    }

    @Test
    void aBatchIsKnownByItsTokensTheirTypesAndTheMask() {
        SharedTrunks.Key key = key(BASE, 12, batch(0, new int[] {2, 5, 3}, new int[] {2, 3}));
        assertThat(key(BASE, 12, batch(0, new int[] {2, 5, 3}, new int[] {2, 3})))
                .isEqualTo(key);
        assertThat(List.of(
                        key(new Object(), 12, batch(0, new int[] {2, 5, 3}, new int[] {2, 3})),
                        key(BASE, 11, batch(0, new int[] {2, 5, 3}, new int[] {2, 3})),
                        key(BASE, 12, batch(0, new int[] {2, 3}, new int[] {2, 5, 3})),
                        key(BASE, 12, batch(0, new int[] {2, 6, 3}, new int[] {2, 3})),
                        // The same numbers: a token that is the padding's, another shape, another segment.
                        key(BASE, 12, batch(0, new int[] {2, 5, 3}, new int[] {2, 3, 0})),
                        key(BASE, 12, batch(0, new int[] {2, 5}, new int[] {3, 2}, new int[] {3, 0})),
                        key(
                                BASE,
                                12,
                                Batch.of(
                                        List.of(
                                                new Example(new int[] {2, 5, 3}, 1, 0, 1f, 0),
                                                new Example(new int[] {2, 3}, 2, 0, 1f, 0)),
                                        0))))
                .doesNotContain(key)
                .doesNotHaveDuplicates();
    }

    @Test
    void theBatchUsedLongestAgoGoesFirst() {
        SharedTrunks.Key[] keys = new SharedTrunks.Key[3];
        for (int i = 0; i < 3; i++) {
            keys[i] = key(BASE, 12, batch(0, new int[] {2, i, 3}));
        }
        // A batch of three tokens has 31 bytes itself.
        SharedTrunks trunks = new SharedTrunks(2 * (31 + 40));
        trunks.put(keys[0], values(10));
        trunks.put(keys[0], values(10));
        trunks.put(keys[1], values(10));
        assertThat(trunks.bytes()).isEqualTo(2 * (31 + 40));
        assertThat(trunks.find(keys[0])).isPresent();
        trunks.put(keys[2], values(10));
        assertThat(trunks.find(keys[1])).isEmpty();
        assertThat(trunks.find(keys[0])).isPresent();
        trunks.put(keys[1], values(1000));
        assertThat(trunks.bytes()).as("larger than all room").isZero();
    }
}
