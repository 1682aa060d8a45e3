package org.sparklora.driver.watch.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Locale;
import org.junit.jupiter.api.Test;

class FormatsTest {

    @Test
    void numbersAreRoundedToSignificantDigits() {
        assertThat(Formats.number(0.0231049)).isEqualTo("0.0231");
        assertThat(Formats.number(0.958)).isEqualTo("0.958");
        assertThat(Formats.number(1)).isEqualTo("1");
        assertThat(Formats.number(48_827)).isEqualTo("48,827");
        assertThat(Formats.number(3e-5)).isEqualTo("3e-5");
        assertThat(Formats.number(-1.5e12)).isEqualTo("-1.5e12");
        assertThat(Formats.number(0)).isEqualTo("0");
        assertThat(Formats.number(Double.NaN)).isEqualTo("NaN");
        assertThat(Formats.number(Double.NEGATIVE_INFINITY)).isEqualTo("−∞");
    }

    @Test
    void unitsHavePrefixes() {
        assertThat(Formats.scaled(999)).isEqualTo("999\u00a0");
        assertThat(Formats.scaled(999_700)).isEqualTo("1\u00a0M");
        assertThat(Formats.scaled(1.2449e12)).isEqualTo("1.24\u00a0T");
        assertThat(Formats.percent(0.1234)).isEqualTo("12.3%");
        assertThat(Formats.percent(0.0001)).isEqualTo("< 0.1%");
        assertThat(Formats.percent(0)).isEqualTo("0.0%");
    }

    @Test
    void durationsAreWrittenInBothLanguages() {
        Messages en = new Messages(Language.EN);
        Messages zh = new Messages(Language.ZH);
        assertThat(en.seconds(41.23)).isEqualTo("41.2\u00a0s");
        assertThat(en.seconds(59.96)).isEqualTo("1\u00a0min\u00a000\u00a0s");
        assertThat(en.seconds(7_500)).isEqualTo("2\u00a0h\u00a005\u00a0min");
        assertThat(zh.seconds(72)).isEqualTo("1\u00a0分\u00a012\u00a0秒");
        assertThat(zh.bytes(842)).isEqualTo("842\u00a0字节");
        assertThat(en.bytes(12_100_000)).isEqualTo("12.1\u00a0MB");
    }

    @Test
    void timesAreInUtcAndUnreadableOnesUnchanged() {
        assertThat(Formats.time("2026-01-02T03:04:05.678Z")).isEqualTo("2026-01-02 03:04:05 UTC");
        assertThat(Formats.time("yesterday")).isEqualTo("yesterday");
    }

    @Test
    void theLocaleOfTheMachineDoesNotMatter() {
        Locale before = Locale.getDefault();
        try {
            Locale.setDefault(Locale.GERMANY);
            assertThat(Formats.whole(48_827)).isEqualTo("48,827");
            assertThat(Formats.percent(0.5)).isEqualTo("50.0%");
        } finally {
            Locale.setDefault(before);
        }
    }
}
