package org.sparklora.driver.run.history;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

class RunStatusTest {

    @Test
    void writesOneLineOfJson() {
        assertThat(text(RunStatus.running()))
                .isEqualTo("{\"state\":\"running\",\"exit_code\":null,\"message\":\"\",\"adapter_sha256\":null}\n");
        assertThat(text(RunStatus.finished("ada")))
                .isEqualTo("{\"state\":\"finished\",\"exit_code\":0,\"message\":\"\",\"adapter_sha256\":\"ada\"}\n");
        assertThat(text(RunStatus.failed(5, "loss is NaN at step 7")))
                .isEqualTo("{\"state\":\"failed\",\"exit_code\":5,\"message\":\"loss is NaN at step 7\","
                        + "\"adapter_sha256\":null}\n");
        assertThat(text(RunStatus.cancelled("told to stop")))
                .isEqualTo("{\"state\":\"cancelled\",\"exit_code\":130,\"message\":\"told to stop\","
                        + "\"adapter_sha256\":null}\n");
    }

    @Test
    void readsBackWhatItWrote() {
        for (RunStatus status : List.of(
                RunStatus.running(),
                RunStatus.finished("a"),
                RunStatus.failed(3, "é"),
                RunStatus.cancelled("told to stop"))) {
            assertThat(RunStatus.parse(status.toJson())).isEqualTo(status);
        }
    }

    @Test
    void refusesOtherText() {
        for (String text : List.of("{", "{}", "{\"state\":\"asleep\"}", "", "null", "{\"state\":null}")) {
            assertThatThrownBy(() -> RunStatus.parse(text.getBytes(UTF_8)))
                    .isInstanceOf(OutputException.class)
                    .hasMessageContainingAll("status.json", "[output.damaged]");
        }
    }

    private static String text(RunStatus status) {
        return new String(status.toJson(), UTF_8);
    }
}
