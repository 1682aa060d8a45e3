package org.sparklora.worker.head;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class BaseHeadTest {

    private static final Map<Integer, String> NAMES = Map.of(0, "praise", 1, "delivery", 2, "billing");

    @Test
    void rowsBelongToLabelNames() {
        assertThat(BaseHead.of(3, NAMES, List.of("billing", "delivery", "praise"))
                        .rows())
                .contains(List.of(2, 1, 0));
        // For each output of the job the base's row, not the other way round.
        assertThat(BaseHead.of(3, NAMES, List.of("billing", "praise", "delivery"))
                        .rows())
                .contains(List.of(2, 0, 1));
        assertThat(BaseHead.of(3, NAMES, List.of("praise", "delivery", "billing"))
                        .rows())
                .contains(List.of(0, 1, 2));
    }

    @Test
    void otherNamesStartAnew() {
        assertThat(BaseHead.of(3, NAMES, List.of("a", "b", "c")).rows()).isEmpty();
        assertThat(BaseHead.of(3, NAMES, List.of("a", "b", "c")).note()).contains("praise", "delivery", "billing");
        assertThat(BaseHead.of(3, NAMES, List.of("praise", "delivery")).rows()).isEmpty();
        assertThat(BaseHead.of(3, Map.of(0, "a", 5, "b"), List.of("a", "b", "c"))
                        .rows())
                .isEmpty();
        // Rows that the head does not have.
        assertThat(BaseHead.of(2, Map.of(0, "a", 5, "b"), List.of("a", "b")).rows())
                .isEmpty();
    }

    @Test
    void rowsWithoutNamesAreTakenByIndexIfTheNumberFits() {
        Map<Integer, String> anonymous = Map.of(0, "LABEL_0", 1, "LABEL_1");
        assertThat(BaseHead.of(2, anonymous, List.of("yes", "no")).rows()).contains(List.of(0, 1));
        assertThat(BaseHead.of(2, Map.of(), List.of("yes", "no")).rows()).contains(List.of(0, 1));
        assertThat(BaseHead.of(2, Map.of(), List.of("a", "b", "c")).rows()).isEmpty();
        assertThat(BaseHead.of(2, Map.of(), List.of("a", "b", "c")).note()).contains("2 outputs", "3");
        assertThat(BaseHead.of(1, Map.of(), List.of()).rows()).contains(List.of(0));
    }
}
