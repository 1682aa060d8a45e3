package org.sparklora.driver.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.apache.spark.SparkConf;
import org.junit.jupiter.api.Test;
import org.sparklora.driver.job.config.Exchange;

class ExchangeChoiceTest {

    private static SparkConf conf(String master, boolean dynamic) {
        return new SparkConf(false).setMaster(master).set("spark.dynamicAllocation.enabled", String.valueOf(dynamic));
    }

    @Test
    void executorsThatStayExchangeAmongThemselves() {
        assertThat(ExchangeChoice.of(Exchange.AUTO, conf("yarn", false)).label())
                .isEqualTo("peer");
        assertThat(ExchangeChoice.of(Exchange.AUTO, new SparkConf(false)).label())
                .isEqualTo("peer");
    }

    @Test
    void dynamicAllocationGoesThroughTheDriver() {
        ExchangeChoice choice = ExchangeChoice.of(Exchange.AUTO, conf("yarn", true));
        assertThat(choice.label()).isEqualTo("driver");
        assertThat(choice.reason()).startsWith("dynamic allocation is on");
    }

    /** As on an EMR node, whose defaults have dynamic allocation on, with --master local[4]. */
    @Test
    void localMastersLeaveDynamicAllocationUnused() {
        assertThat(ExchangeChoice.of(Exchange.AUTO, conf("local[4]", true)).label())
                .isEqualTo("peer");
        assertThat(ExchangeChoice.of(Exchange.PEER, conf("local[4]", true)).label())
                .isEqualTo("peer");
    }

    @Test
    void peersThatMayComeAndGoAreRefused() {
        assertThatThrownBy(() -> ExchangeChoice.of(Exchange.PEER, conf("yarn", true)))
                .isInstanceOf(SparkSettingsException.class)
                .hasMessageContainingAll(
                        "execution.exchange=peer", "spark.dynamicAllocation.enabled=false", "[settings.exchange]");
    }
}
