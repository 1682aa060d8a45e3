package org.sparklora.driver.cluster.score;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.sparklora.driver.cluster.score.EntityCounts.Entity;

/** By the rules of conlleval (Tjong Kim Sang, CoNLL-2000), counted by hand. */
class EntityCountsTest {

    private static final Offset<Double> CLOSE = Offset.offset(1e-12);

    private static List<String> tags(String tags) {
        return List.of(tags.split(" "));
    }

    private static List<Entity> entities(String tags) {
        return EntityCounts.entities(tags(tags));
    }

    private static EntityCounts counts(String... guessAndTruth) {
        EntityCounts counts = new EntityCounts();
        for (int i = 0; i < guessAndTruth.length; i += 2) {
            counts.add(tags(guessAndTruth[i]), tags(guessAndTruth[i + 1]));
        }
        return counts;
    }

    @Test
    void anEntityIsABeginAndTheInsidesOfItsTypeThatFollow() {
        assertThat(entities("O B-PER I-PER O B-LOC")).containsExactly(new Entity("PER", 1, 3), new Entity("LOC", 4, 5));
        assertThat(entities("O O")).isEmpty();
        assertThat(entities("B-PER")).containsExactly(new Entity("PER", 0, 1));
    }

    @Test
    void aBeginAlwaysStartsAnother() {
        assertThat(entities("B-PER B-PER I-PER")).containsExactly(new Entity("PER", 0, 1), new Entity("PER", 1, 3));
        assertThat(entities("I-PER B-PER")).containsExactly(new Entity("PER", 0, 1), new Entity("PER", 1, 2));
    }

    @Test
    void anInsideAfterOutsideOrAnotherTypeStartsOneToo() {
        assertThat(entities("I-PER I-PER O I-LOC")).containsExactly(new Entity("PER", 0, 2), new Entity("LOC", 3, 4));
        assertThat(entities("B-PER I-LOC I-LOC")).containsExactly(new Entity("PER", 0, 1), new Entity("LOC", 1, 3));
        assertThat(entities("I-LOC I-PER")).containsExactly(new Entity("LOC", 0, 1), new Entity("PER", 1, 2));
    }

    @Test
    void aTypeMayHoldHyphensAndOtherTagsAreOutside() {
        assertThat(entities("B-creative-work I-creative-work")).containsExactly(new Entity("creative-work", 0, 2));
        assertThat(entities("B-PER PER I-PER")).containsExactly(new Entity("PER", 0, 1), new Entity("PER", 2, 3));
    }

    @Test
    void onlyWholeEntitiesOfTheRightTypeAreRight() {
        // Found: LOC 0-1, PER 2-4, PER 5-6. There: LOC 0-1, PER 2-5, ORG 5-6. One is right.
        EntityCounts counts = counts("B-LOC O B-PER I-PER O B-PER", "B-LOC O B-PER I-PER I-PER B-ORG");
        assertThat(counts.precision()).isCloseTo(1 / 3.0, CLOSE);
        assertThat(counts.recall()).isCloseTo(1 / 3.0, CLOSE);
        assertThat(counts.f1()).isCloseTo(1 / 3.0, CLOSE);
        assertThat(counts.accuracy()).isCloseTo(4 / 6.0, CLOSE);
    }

    @Test
    void anInsideInPlaceOfABeginIsTheSameEntityAfterOutside() {
        // The tags differ, the entities do not: conlleval counts it right, and the word wrong.
        EntityCounts counts = counts("O I-PER I-PER", "O B-PER I-PER");
        assertThat(counts.f1()).isEqualTo(1);
        assertThat(counts.accuracy()).isCloseTo(2 / 3.0, CLOSE);
    }

    @Test
    void twoThatTouchAreNotOne() {
        // Found: PER 0-2. There: PER 0-1 and PER 1-2.
        EntityCounts counts = counts("B-PER I-PER", "B-PER B-PER");
        assertThat(counts.precision()).isZero();
        assertThat(counts.recall()).isZero();
        assertThat(counts.f1()).isZero();
    }

    @Test
    void noEntitySpansTwoRowsAndRowsAddUp() {
        EntityCounts counts = counts("O B-PER", "O B-PER", "I-PER O", "I-PER O", "B-LOC", "O");
        assertThat(counts.precision()).isCloseTo(2 / 3.0, CLOSE);
        assertThat(counts.recall()).isEqualTo(1);
        assertThat(counts.f1()).isCloseTo(2 * 2 / 5.0, CLOSE);
        assertThat(counts.accuracy()).isCloseTo(4 / 5.0, CLOSE);
    }

    @Test
    void theScriptsOwnExampleOutput() {
        // "961 tokens with 459 phrases; found: 539 phrases; correct: 371": 68.83, 80.83, 74.35.
        Counts counts = new Counts();
        counts.add(371, 539, 459);
        assertThat(100 * counts.precision()).isCloseTo(68.83, Offset.offset(0.005));
        assertThat(100 * counts.recall()).isCloseTo(80.83, Offset.offset(0.005));
        assertThat(100 * counts.f1()).isCloseTo(74.35, Offset.offset(0.005));
    }

    @Test
    void nothingFoundAndNothingThereIsZeroAndNotNan() {
        EntityCounts counts = counts("O O", "O O");
        assertThat(counts.f1()).isZero();
        assertThat(counts.precision()).isZero();
        assertThat(counts.accuracy()).isEqualTo(1);
        assertThat(new EntityCounts().accuracy()).isZero();
        assertThatThrownBy(() -> counts("O O", "O")).hasMessageContainingAll("2", "1");
    }
}
