package org.sparklora.driver.manifest;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class NearMissTest {

    @Test
    void countsEdits() {
        assertThat(NearMiss.edits("kitten", "sitting")).isEqualTo(3);
        assertThat(NearMiss.edits("", "abc")).isEqualTo(3);
        assertThat(NearMiss.edits("same", "same")).isZero();
    }

    @Test
    void takesTheNearestAndNothingFar() {
        assertThat(NearMiss.of("qeury", List.of("query", "key"))).contains("query");
        assertThat(NearMiss.of("bottum", List.of("top", "bottom"))).contains("bottom");
        assertThat(NearMiss.of("x", List.of("y"))).isEmpty();
        assertThat(NearMiss.of("embeddings", List.of("query", "key"))).isEmpty();
        assertThat(NearMiss.of("query", List.of())).isEmpty();
    }
}
