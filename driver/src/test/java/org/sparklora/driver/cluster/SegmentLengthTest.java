package org.sparklora.driver.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Clock;
import org.junit.jupiter.api.Test;

class SegmentLengthTest {

    private final SegmentLength length = new SegmentLength(Clock.systemUTC());

    @Test
    void aSegmentIsAMinuteOfSteps() {
        length.took(32, 32 * 100);

        assertThat(length.steps()).isEqualTo(600);
    }

    /** Executors that die every 20 s would end every attempt at a minute of steps. */
    @Test
    void failuresInARowShortenTheSegmentUntilOneFitsBetweenThem() {
        length.took(32, 32 * 100);

        length.failed();
        assertThat(length.steps()).isEqualTo(150);
        length.failed();
        assertThat(length.steps()).isEqualTo(37);

        length.took(37, 37 * 100);
        assertThat(length.steps()).as("3.75 s, what was reached so far").isEqualTo(37);
        length.took(37, 37 * 100);
        assertThat(length.steps()).isEqualTo(75);
        for (int segment = 0; segment < 5; segment++) {
            length.took(75, 75 * 100);
        }
        assertThat(length.steps()).as("a minute again").isEqualTo(600);
    }

    @Test
    void aSegmentHasAtLeastOneStep() {
        for (int failure = 0; failure < 20; failure++) {
            length.failed();
        }

        assertThat(length.steps()).isOne();
    }
}
