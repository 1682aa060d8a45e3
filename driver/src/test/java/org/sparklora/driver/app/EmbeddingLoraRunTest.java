package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.sparklora.driver.model.peft.PeftAdapter;
import org.sparklora.driver.training.ExitCode;
import org.sparklora.worker.safetensors.SafetensorsFile;

/** LoRA on tables of embeddings through the command line: trained, frozen, saved, resumed, merged, and read by PEFT. */
class EmbeddingLoraRunTest {

    private static final String WORDS = "bert.embeddings.word_embeddings";

    /** Live in the first epoch, frozen in the second and third, live again in the fourth. */
    private static final String[] TABLES = {
        "lora.groups.tables={target_modules: [word_embeddings, position_embeddings, token_type_embeddings],"
                + " rank_pattern: {token_type_embeddings: 2}, alpha_pattern: {position_embeddings: 3}}",
        "schedule.live=[top, tables]",
        "schedule.events=[{epoch: 1, freeze: [tables], thaw: [bottom]}, {epoch: 3, thaw: [tables]}]",
        "training.num_train_epochs=4",
        "training.lr_scheduler_type=constant",
        "training.learning_rate=0.02"
    };

    @TempDir
    private Path folder;

    private SmallJob job;

    @BeforeEach
    void openJob() {
        job = new SmallJob(folder);
    }

    private static String[] with(String... more) {
        return Stream.concat(Stream.of(TABLES), Stream.of(more)).toArray(String[]::new);
    }

    private Path train(String... settings) {
        TrainingJob.Ended ended = job.train(settings);
        assertThat(ended.code()).as(ended.err()).isZero();
        return job.output();
    }

    private static byte[] weights(Path run) throws IOException {
        return Files.readAllBytes(run.resolve("adapter/adapter_model.safetensors"));
    }

    @Test
    void aRunHasTheSameBitsOnOneCoreAndWhenItIsResumed() throws IOException {
        byte[] two = weights(train(with()));
        TrainingJob.Ended one =
                TrainingJob.train("local[1]", folder.resolve("job.yaml"), folder.resolve("one"), TABLES);
        assertThat(one.code()).as(one.err()).isZero();
        assertThat(weights(folder.resolve("one"))).isEqualTo(two);
        train(with("training.num_train_epochs=2", "--overwrite"));
        assertThat(weights(train(with("--resume")))).isEqualTo(two);
    }

    @Test
    void theAdapterHasPeftsNamesAndADormantTableHasNoTensor() throws IOException {
        Path run = train(with("lora.bias=lora_only"));
        PeftAdapter adapter = PeftAdapter.read(run.resolve("adapter"));
        assertThat(adapter.modules()).contains(WORDS).hasSize(6);
        assertThat(adapter.rank("bert.embeddings.token_type_embeddings")).isEqualTo(2);
        assertThat(adapter.alpha("bert.embeddings.position_embeddings")).isEqualTo(3);
        try (SafetensorsFile file = SafetensorsFile.open(run.resolve("adapter/adapter_model.safetensors"))) {
            assertThat(file.names())
                    .filteredOn(name -> name.contains("word_embeddings"))
                    .containsExactlyInAnyOrder(
                            "base_model.model." + WORDS + ".lora_embedding_A",
                            "base_model.model." + WORDS + ".lora_embedding_B");
        }
        Path start = folder.resolve("start");
        Files.createDirectories(start);
        for (String file : List.of("adapter_config.json", "adapter_model.safetensors")) {
            Files.copy(run.resolve("adapter").resolve(file), start.resolve(file));
        }
        byte[] trained = weights(train(with("lora.bias=lora_only", "lora.init_adapter=" + start, "--overwrite")));
        assertThat(trained).isNotEqualTo(Files.readAllBytes(start.resolve("adapter_model.safetensors")));

        run = train(with("schedule.live=[top]", "schedule.events=[]", "--overwrite"));
        byte[] dormant = weights(run);
        assertThat(PeftAdapter.read(run.resolve("adapter")).modules()).noneMatch(name -> name.contains("embeddings"));
        run = train(
                "training.num_train_epochs=4",
                "training.lr_scheduler_type=constant",
                "training.learning_rate=0.02",
                "schedule.events=[]",
                "--overwrite");
        assertThat(weights(run)).isEqualTo(dormant);
    }

    @Test
    void thePlanCountsTheirParametersWhereTheyTrain() {
        String config = folder.resolve("job.yaml").toString();
        List<String> arguments = new ArrayList<>(List.of("plan", "--config", config));
        Stream.of(TABLES).forEach(setting -> arguments.addAll(List.of("--set", setting)));
        TrainingJob.Ended ended = TrainingJob.run("local[2]", arguments.toArray(String[]::new));
        assertThat(ended.code()).as(ended.err()).isZero();
        // Ranks 4, 4 and 2: 4 · (64 + 24) + 4 · (200 + 24) + 2 · (2 + 24).
        assertThat(ended.out())
                .contains("tables: 3 modules, r 2, 4, 1,300 parameters, 5,200 bytes per all-reduce")
                .containsPattern("0 +tables top +- +bottom +embeddings ")
                .containsPattern("1-2 +bottom top +tables +- +layer 0 ");
    }

    @ParameterizedTest
    @CsvSource({
        "lora.use_dora=true, use_dora",
        "lora.init_lora_weights=pissa, pissa",
        "lora.peft_type=ADALORA, ADALORA",
        "training.loraplus_lr_ratio=4, training.loraplus_lr_ratio"
    })
    void whatIsForLinearsOnlyIsRefused(String setting, String named) {
        job.refused(
                job.trainWithoutSpark(
                        "lora.groups={tables: {target_modules: [word_embeddings]}}", "schedule={live: []}", setting),
                ExitCode.USAGE,
                "lora.groups.tables",
                named,
                "'" + WORDS + "' is a table of embeddings",
                "[manifest.embeddings.unsupported]");
    }

    @Test
    void aRankAboveTheTypesAndATableThatTrainsWholeAreRefused() {
        job.refused(
                job.trainWithoutSpark(
                        "lora.groups={t: {target_modules: [token_type_embeddings]}}", "schedule={live: []}"),
                ExitCode.USAGE,
                "lora.groups.t.r=4 is above 2",
                "[manifest.rank.invalid]");
        job.refused(
                job.trainWithoutSpark(
                        "lora.groups={t: {target_modules: [word_embeddings]}}",
                        "lora.modules_to_save=[word_embeddings]",
                        "schedule={live: []}"),
                ExitCode.USAGE,
                "lora.modules_to_save and lora.groups.t both have '" + WORDS + "'",
                "[manifest.module.shared]");
    }

    @Test
    void peftAndTransformersPredictWhatWePredict() throws Exception {
        PythonWitness python = PythonWitness.withPeft();
        python.requireSameProbabilities(job, train(with("lora.use_rslora=true")));
    }

    /** Six steps of AdamW from one adapter, in PEFT and here: values move by their gradients alone. */
    @Test
    void peftTrainsTheSameValues() throws Exception {
        PythonWitness python = PythonWitness.withPeft();
        String[] all = with(
                "schedule.live=[top, bottom, tables]",
                "schedule.events=[]",
                "lora.lora_dropout=0.3",
                "lora.groups.top.lora_dropout=0",
                "lora.groups.bottom.lora_dropout=0",
                "training.num_train_epochs=6",
                "training.batch_size=4",
                "training.weight_decay=0",
                "training.max_grad_norm=null",
                "training.adam_epsilon=0.001");
        Path run = train(all);
        Path start = folder.resolve("start");
        Files.move(run, start);
        Path again = train(Stream.concat(Stream.of(all), Stream.of("lora.init_adapter=" + start.resolve("adapter")))
                .toArray(String[]::new));
        String largest =
                python.run("""
                        import csv, sys, torch
                        from peft import PeftModel
                        from safetensors.torch import load_file
                        from transformers import AutoModelForSequenceClassification, BertTokenizer
                        model, start, end, rows = sys.argv[1:]
                        base = AutoModelForSequenceClassification.from_pretrained(
                            model, num_labels=2, problem_type="single_label_classification", ignore_mismatched_sizes=True)
                        peft = PeftModel.from_pretrained(base, start, is_trainable=True).eval()
                        rows = list(csv.DictReader(open(rows)))
                        batch = BertTokenizer.from_pretrained(model)([r["text"] for r in rows], padding=True, return_tensors="pt")
                        labels = torch.tensor([["no", "yes"].index(r["label"]) for r in rows])
                        trained = {n: p for n, p in peft.named_parameters() if p.requires_grad}
                        adam = torch.optim.AdamW(trained.values(), lr=0.02, eps=1e-3, weight_decay=0)
                        for _ in range(6):
                            adam.zero_grad()
                            peft(**batch, labels=labels).loss.backward()
                            adam.step()
                        ours, first = (load_file(d + "/adapter_model.safetensors") for d in (end, start))
                        worst = moved = 0
                        for name, p in trained.items():
                            name = name.replace(".modules_to_save.default", "").replace(".default", "")
                            worst = max(worst, float((ours[name] - p.detach()).abs().max()))
                            if "embedding_" in name:
                                assert (ours[name] - first[name]).abs().max() > 0.01, name
                                moved += 1
                        print(worst, moved)
                        """, job.model(), start.resolve("adapter"), again.resolve("adapter"), job.trainCsv());
        assertThat(largest).endsWith(" 6");
        assertThat(Double.parseDouble(largest.substring(0, largest.indexOf(' '))))
                .isLessThan(2e-4);
    }
}
