package org.sparklora.driver.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.driver.job.config.JobConfig;
import org.sparklora.driver.job.config.JobFile;
import org.sparklora.driver.job.plan.KeyPacking;
import org.sparklora.driver.model.keyed.AdapterIndex;
import org.sparklora.driver.model.keyed.AdapterPack;
import org.sparklora.driver.model.keyed.KeyEntry;
import org.sparklora.driver.model.keyed.KeyEntry.Packed;
import org.sparklora.driver.run.history.LocalRunDirectory;
import org.sparklora.driver.run.history.StoredHistory;
import org.sparklora.driver.training.RunOutput.IfRunIsThere;

/** Waves of keys are stored one after the other, and keys with many steps are trained on all ranks; no adapter depends on it. */
class KeyedRunWavesTest {

    private static final Path MODEL =
            Path.of(System.getProperty("project.root", ".."), "worker/src/test/resources/golden/models/tiny-bert-12l");

    /** A task has one key, and a wave one task. */
    private static final KeyPacking.Limits SMALL = new KeyPacking.Limits(1, 1, 1, 1_024);

    @TempDir
    private Path folder;

    @BeforeEach
    void writeRows() throws IOException {
        System.setProperty("spark.master", "local[2]");
        System.setProperty("spark.ui.enabled", "false");
        StringBuilder csv = new StringBuilder("text,label,customer\n");
        for (int row = 0; row < 45; row++) {
            csv.append("the plot ".repeat(1 + row % 4))
                    .append("tok")
                    .append(row % 7)
                    .append(row % 2 == 0 ? ",yes" : ",no");
            csv.append(",key").append(row % 9 < 4 ? 0 : row % 3).append('\n');
        }
        Files.writeString(folder.resolve("train.csv"), csv);
    }

    @AfterEach
    void clear() {
        System.clearProperty("spark.master");
    }

    private JobConfig job(String output, String... more) throws IOException {
        Path file = Files.writeString(
                folder.resolve("job.yaml"),
                String.format(Locale.ROOT, """
                model: {path: "%s", max_length: 16}
                data: {adapter: customer, train: {path: "%s"}}
                lora: {groups: {top: {target_modules: [query], layers_to_transform: [11]}}}
                schedule: {live: [top]}
                training: {num_train_epochs: 2, batch_size: 4, shards: 2}
                """, MODEL.toAbsolutePath(), folder.resolve("train.csv")));
        return JobFile.read(
                file, List.of(more), Optional.of(folder.resolve(output).toString()));
    }

    private AdapterIndex index(String output) throws IOException {
        return AdapterPack.find(new LocalRunDirectory(folder.resolve(output)))
                .orElseThrow()
                .index();
    }

    private SortedMap<String, String> digests(String output) throws IOException {
        SortedMap<String, String> digests = new TreeMap<>();
        index(output)
                .keys()
                .forEach((key, entry) ->
                        digests.put(key, entry.adapter().map(Packed::sha256).orElseThrow()));
        return digests;
    }

    private void run(String output, IfRunIsThere ifRunIsThere, KeyPacking.Limits limits) throws IOException {
        assertThat(new KeyedRun(job(output), ifRunIsThere, limits).run()).isEqualTo(ExitCode.OK);
    }

    @Test
    void aRunThatWasKilledGoesOnAfterItsLastWave() throws IOException {
        run("whole", IfRunIsThere.REFUSE, KeyPacking.Limits.DEFAULT);
        run("killed", IfRunIsThere.REFUSE, SMALL);
        assertThat(digests("killed")).hasSize(3).isEqualTo(digests("whole"));
        Path adapters = folder.resolve("killed/adapters");
        // As a kill within the second wave leaves it: a part and events that the index does not name.
        AdapterIndex whole = index("killed");
        SortedMap<String, KeyEntry> first = new TreeMap<>(whole.keys());
        first.values()
                .removeIf(entry -> !entry.adapter().orElseThrow().place().file().equals(AdapterPack.part(0)));
        assertThat(first).hasSize(1);
        long events = Files.readAllLines(folder.resolve("killed/history.jsonl")).stream()
                .limit(3)
                .mapToLong(line -> line.getBytes(StandardCharsets.UTF_8).length + 1L)
                .sum();
        AdapterIndex early = new AdapterIndex("customer", Optional.empty(), first, events);
        Files.write(folder.resolve("killed").resolve(AdapterIndex.FILE), early.toJson());
        byte[] part = Files.readAllBytes(adapters.resolve(AdapterPack.part(0)));
        Files.write(adapters.resolve(AdapterPack.part(1)), new byte[7]);

        run("killed", IfRunIsThere.RESUME, SMALL);

        assertThat(digests("killed")).isEqualTo(digests("whole"));
        assertThat(Files.readAllBytes(adapters.resolve(AdapterPack.part(0)))).isEqualTo(part);
        List<String> history = StoredHistory.of(new LocalRunDirectory(folder.resolve("killed")))
                .chunk(0)
                .lines();
        assertThat(history).filteredOn(line -> line.contains("\"key_epoch\"")).hasSize(6);
        assertThat(history).filteredOn(line -> line.contains("\"finished\"")).hasSize(1);
    }

    @Test
    void aKeyThatIsSpreadOverRanksHasTheSameBits() throws IOException {
        run("tasks", IfRunIsThere.REFUSE, KeyPacking.Limits.DEFAULT);
        run("ranks", IfRunIsThere.REFUSE, new KeyPacking.Limits(2_048, 128, 1 << 20, 2));

        assertThat(digests("ranks")).isEqualTo(digests("tasks"));
        assertThat(index("ranks").keys().values())
                .extracting(entry -> entry.adapter().orElseThrow().place().file())
                .doesNotHaveDuplicates();
    }

    @Test
    void anotherJobIsRefused() throws IOException {
        run("run", IfRunIsThere.REFUSE, SMALL);

        assertThatThrownBy(() -> new KeyedRun(
                                job("run", "training.num_train_epochs=3", "training.lr_scheduler_type=linear"),
                                IfRunIsThere.RESUME)
                        .run())
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("training.num_train_epochs");
    }
}
