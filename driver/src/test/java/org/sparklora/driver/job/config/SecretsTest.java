package org.sparklora.driver.job.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class SecretsTest {

    @Test
    void onlyOptionsThatHoldSecretsAreReplaced() {
        String yaml = """
                model:
                  path: token
                data:
                  train:
                    path: a
                    options:
                      sep: ;
                      password: hunter2
                      fs.s3a.secret.key: |-
                        two
                        lines
                      url: jdbc:x://host?user=u&password=p
                      escape: \\
                    token_column: kept
                tracking: null
                """;
        assertThat(Secrets.redacted(yaml))
                .doesNotContain("hunter2", "two", "lines", "password=p")
                .contains("password: (redacted)", "fs.s3a.secret.key: (redacted)", "url: (redacted)")
                .contains("path: token", "sep: ;", "escape: \\", "token_column: kept", "tracking: null");
        assertThat(Secrets.redacted("data:\n  train: {}\n")).isEqualTo("data:\n  train: {}\n");
    }

    @Test
    void leavesToo() {
        assertThat(Secrets.redacted(new TreeMap<>(Map.of(
                        "data.train.options.accessKey", "k",
                        "data.train.options.url", "https://me:pw@host/x",
                        "data.train.options.header", "true",
                        "model.path", "secret"))))
                .containsEntry("data.train.options.accessKey", "(redacted)")
                .containsEntry("data.train.options.url", "(redacted)")
                .containsEntry("data.train.options.header", "true")
                .containsEntry("model.path", "secret");
    }
}
