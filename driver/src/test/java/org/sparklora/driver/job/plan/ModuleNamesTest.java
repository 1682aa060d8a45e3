package org.sparklora.driver.job.plan;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class ModuleNamesTest {

    @Test
    void layersOfOneNameShareALine() {
        assertThat(ModuleNames.shortened(List.of(
                        "bert.encoder.layer.0.output.dense",
                        "bert.encoder.layer.1.output.dense",
                        "bert.encoder.layer.2.output.dense",
                        "bert.encoder.layer.10.output.dense",
                        "bert.encoder.layer.11.attention.self.query",
                        "bert.pooler.dense")))
                .containsExactly(
                        "bert.encoder.layer.11.attention.self.query",
                        "bert.encoder.layer.[0-2, 10].output.dense",
                        "bert.pooler.dense");
    }
}
