package org.sparklora.driver.job.text;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class BytesTest {

    @Test
    void sizesAreShortAndRound() {
        assertThat(List.of(0L, 999L, 1000L, 49_152L, 999_949L, 999_950L, 4_000_000_000_000L))
                .extracting(Bytes::text)
                .containsExactly("0 bytes", "999 bytes", "1.0 kB", "49.2 kB", "999.9 kB", "1.0 MB", "4.0 TB");
    }
}
