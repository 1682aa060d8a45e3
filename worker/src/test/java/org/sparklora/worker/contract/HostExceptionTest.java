package org.sparklora.worker.contract;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

class HostExceptionTest {

    @Test
    void whatTheLocaleCannotExpressIsRefused() {
        assertThatThrownBy(() -> HostException.requireIn(StandardCharsets.US_ASCII, "données"))
                .isInstanceOf(HostException.class)
                .hasMessageContainingAll("US-ASCII", "'données'", "LC_ALL=C.UTF-8", "[settings.locale]");
        // What Java makes of bytes that the locale does not know.
        assertThatThrownBy(() -> HostException.requireIn(StandardCharsets.ISO_8859_1, "donn\uFFFDes"))
                .hasMessageContaining("ISO-8859-1");
        assertThatCode(() -> {
                    HostException.requireIn(StandardCharsets.US_ASCII, "data");
                    HostException.requireIn(StandardCharsets.ISO_8859_1, "données");
                    HostException.requireIn(StandardCharsets.UTF_8, "配達 \uFFFD");
                })
                .doesNotThrowAnyException();
    }

    @Test
    void nativesNameTheInnermostReasonInOneLine() {
        Throwable inner = new UnsatisfiedLinkError("/c/libtorch.so: failed to map segment\n from shared object");
        assertThatThrownBy(() -> {
                    throw HostException.natives(new IllegalStateException("no engine", inner));
                })
                .message()
                .contains("/c/libtorch.so: failed to map segment from shared object", "noexec", "DJL_CACHE_DIR")
                .endsWith("[settings.natives]")
                .hasLineCount(1);
    }

    @Test
    void processorsWithOtherInstructionsAreNamed() {
        HostException.requireInstructions("AuthenticAMD avx2 avx512f", "AuthenticAMD avx2 avx512f");
        assertThatThrownBy(() -> HostException.requireInstructions("AuthenticAMD avx2 avx512f", "GenuineIntel avx2"))
                .isInstanceOf(HostException.class)
                .hasMessageContainingAll("AuthenticAMD avx2 avx512f", "GenuineIntel avx2", "[settings.processor]");
    }

    @Test
    void aProcessorWithoutBfloat16IsNamedWithWhatItHas() {
        List<List<String>> enough = List.of(List.of("avx2", "avx512f", "avx512_bf16"), List.of("avx512f", "amx_bf16"));
        enough.forEach(features -> HostException.requireBfloat16(hardware(features)));
        assertThatThrownBy(() -> HostException.requireBfloat16(hardware(List.of("avx2", "avx512f"))))
                .isInstanceOf(HostException.class)
                .hasMessageContainingAll("avx512_bf16", "amx_bf16", "Some CPU", "[avx2, avx512f]", "float32")
                .hasMessageEndingWith("[settings.processor]");
    }

    private static HostReport.Hardware hardware(List<String> features) {
        return new HostReport.Hardware("Some CPU", features, 2, 1, 1);
    }
}
