package org.sparklora.worker.encoder.mpnet;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class RelativeEmbeddingsTest {

    @Test
    void bucketsAreThoseOfTransformers() throws IOException {
        JsonObject extra = JsonParser.parseString(
                        Files.readString(Path.of("src/test/resources/golden-encoders/mpnet/case.json")))
                .getAsJsonObject()
                .getAsJsonObject("extra");
        JsonArray positions = extra.getAsJsonArray("relative_positions");
        assertThat(positions).hasSize(71);
        for (int i = 0; i < positions.size(); i++) {
            assertThat(RelativeEmbeddings.bucket(positions.get(i).getAsInt()))
                    .isEqualTo(extra.getAsJsonArray("buckets").get(i).getAsInt());
        }
    }

    /** Where PyTorch's float32 logarithms change the bucket beyond the stored positions; the last one has no end. */
    @Test
    void longDistancesShareTheLastBucket() {
        assertThat(IntStream.of(45, 46, 63, 64, 90, 91, 511, -511).map(RelativeEmbeddings::bucket))
                .containsExactly(28, 29, 29, 30, 30, 31, 31, 15);
    }
}
