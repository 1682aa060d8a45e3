package org.sparklora.worker.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

class BatchTest {

    @Test
    void padsToItsOwnLongest() {
        Batch batch = Batch.of(
                List.of(
                        new Example(new int[] {2, 5, 3}, 3, 1, 1, 10),
                        new Example(new int[] {2, 6, 3, 7, 3}, 3, 0, 0.5f, 11)),
                9);
        assertThat(batch.rows()).isEqualTo(2);
        assertThat(batch.length()).isEqualTo(5);
        assertThat(batch.inputIds()).containsExactly(2, 5, 3, 9, 9, 2, 6, 3, 7, 3);
        assertThat(batch.tokenTypeIds()).containsExactly(0, 0, 0, 0, 0, 0, 0, 0, 1, 1);
        assertThat(batch.attentionMask()).containsExactly(1, 1, 1, 0, 0, 1, 1, 1, 1, 1);
        assertThat(batch.labels()).containsExactly(1, 0);
        assertThat(batch.weights()).containsExactly(1, 0.5f);
    }

    @Test
    void refusesNoRows() {
        assertThatThrownBy(() -> Batch.of(List.of(), 0)).hasMessageContaining("0 examples");
    }

    @Test
    void labelsOfTokensArePaddedAsTokensAre() {
        Example two = new Example(new int[] {5, 6}, 2, new float[] {Example.IGNORED, 1}, 1f, 0);
        Example three = new Example(new int[] {5, 6, 7}, 3, new float[] {Example.IGNORED, 2, 0}, 1f, 1);
        Batch batch = Batch.of(List.of(two, three), 0);
        assertThat(batch.labels()).containsExactly(-100, 1, -100, -100, 2, 0);
    }

    @Test
    void severalLabelsOfARowStandSideBySide() {
        Example one = new Example(new int[] {5}, 1, new float[] {0, 1, 1}, 1f, 0);
        Example other = new Example(new int[] {5, 6, 7, 8}, 4, new float[] {1, 0, 0}, 1f, 1);
        assertThat(Batch.of(List.of(one, other), 0).labels()).containsExactly(0, 1, 1, 1, 0, 0);
    }
}
