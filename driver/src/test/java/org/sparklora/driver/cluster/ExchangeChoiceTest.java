package org.sparklora.driver.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.apache.spark.SparkConf;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
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

    @ParameterizedTest
    @CsvSource({
        "spark.lora.port, 80",
        "spark.lora.port, 65536",
        "spark.lora.port, -1",
        "spark.lora.port, seven",
        "spark.lora.stepTimeout, 0s",
        "spark.lora.stepTimeout, soon"
    })
    void settingsThatNoRankCouldUseAreRefused(String setting, String value) {
        SparkConf conf = conf("yarn", false).set(setting, value);
        assertThatThrownBy(() -> ExchangeChoice.of(Exchange.AUTO, conf))
                .isInstanceOf(SparkSettingsException.class)
                .hasMessageContainingAll(setting, "1024 to 65535", "[settings.spark]");
    }

    @ParameterizedTest
    @ValueSource(strings = {"0", "1024", "65535"})
    void aPortIsAnyOrOneThatAUserMayOpen(String port) {
        SparkConf conf = conf("yarn", false).set("spark.lora.port", port);
        assertThat(ExchangeChoice.of(Exchange.AUTO, conf).peer()).isTrue();
    }

    @Test
    void peersThatMayComeAndGoAreRefused() {
        assertThatThrownBy(() -> ExchangeChoice.of(Exchange.PEER, conf("yarn", true)))
                .isInstanceOf(SparkSettingsException.class)
                .hasMessageContainingAll(
                        "execution.exchange=peer", "spark.dynamicAllocation.enabled=false", "[settings.exchange]");
    }
}
