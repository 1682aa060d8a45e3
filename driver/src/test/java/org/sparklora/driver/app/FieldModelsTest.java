package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.sparklora.driver.app.FieldItem.Run;
import org.sparklora.driver.app.TrainingJob.Ended;

/** Models, tokenizers and adapters as people have them: each trains as it should, or is refused by name before Spark starts. */
class FieldModelsTest {

    @TempDir
    private Path folder;

    private FieldItem field;

    @BeforeEach
    void requireField() {
        field = new FieldItem(folder);
    }

    private Run train(String item, String file, String... overrides) throws IOException {
        return field.train(item, file, overrides);
    }

    @Test
    void aMaskedLanguageModelTrainsWithANewPooler() throws IOException {
        String item = "01-mlm-checkpoint-without-pooler";
        Run run = train(item, "job.yaml").trained("no pooler");
        assertThat(run.ended().err().lines().filter(line -> line.contains("no pooler")))
                .hasSize(1);
        assertThat(Files.readString(run.output().resolve("adapter/adapter_config.json")))
                .contains("\"pooler\"");
        assertThat(train(item, "job.yaml").trained().adapter()).isEqualTo(run.adapter());
        Path merged = folder.resolve("merged");
        Ended ended = TrainingJob.run("none", "merge", "--run", run.output().toString(), "--output", merged.toString());
        assertThat(ended.code()).as(ended.err()).isZero();
        // The merged model has the pooler that was trained, so it is an ordinary checkpoint.
        Ended again = train(item, "job.yaml", "model.path=" + merged).trained().ended();
        assertThat(again.err()).doesNotContain("no pooler").contains("row of its name");
        assertThat(train(item, "job-tokens.yaml").trained().ended().err()).doesNotContain("no pooler");
    }

    @Test
    void addedTokensOfAnOldDirectoryAreTokens() throws IOException {
        String item = "02-added-tokens";
        assertThat(train(item, "job.yaml").trained().adapter())
                .isEqualTo(train(item, "job.yaml", "model.path=ITEM/model-fast")
                        .trained()
                        .adapter());
    }

    @ParameterizedTest
    @CsvSource({"job.yaml, BertJapaneseTokenizer", "job-bertweet.yaml, BertweetTokenizer"})
    void aTokenizerOfAnotherClassIsRefused(String job, String name) throws IOException {
        train("03-tokenizer-class", job).refused(4, name, "tokenizer.json", "[tokenizer.unusable]");
    }

    @Test
    void theHeadOfTheBaseBelongsToLabelNames() throws IOException {
        String item = "04-head-label-order";
        Run run = train(item, "job.yaml").trained("row of its name");
        // The base model says praise to every text, and at this learning rate it stays so.
        Path predicted = folder.resolve("predicted");
        String dev = FieldItem.FIELD.resolve(item).resolve("dev.csv").toString();
        Ended ended = TrainingJob.run(
                "local[2]",
                "predict",
                "--run",
                run.output().toString(),
                "--input",
                dev,
                "--output",
                predicted.toString());
        assertThat(ended.code()).as(ended.err()).isZero();
        List<String> lines = Files.readAllLines(TrainingJob.parts(predicted).get(0));
        assertThat(lines).hasSize(25);
        assertThat(lines.subList(1, 25)).allSatisfy(line -> assertThat(line).contains(",praise,0.99"));
        train(item, "job.yaml", "model.labels=[a, b, c]", "data.train.path=" + relabelled(), "data.validation=null")
                .trained("starts anew", "praise");
        train(item, "job-two-anonymous.yaml").trained("row i for output i");
    }

    private Path relabelled() throws IOException {
        String rows = Files.readString(FieldItem.FIELD.resolve("04-head-label-order/train.csv"));
        return Files.writeString(
                folder.resolve("relabelled.csv"),
                rows.replaceAll(",praise\\b", ",a")
                        .replaceAll(",delivery\\b", ",b")
                        .replaceAll(",billing\\b", ",c"));
    }

    @Test
    void anAdapterOfTheBareEncoderIsTheSameAdapter() throws IOException {
        String item = "05-adapter-of-the-bare-encoder";
        assertThat(train(item, "job.yaml").trained().adapter())
                .isEqualTo(train(item, "job.yaml", "lora.init_adapter=ITEM/adapter-control")
                        .trained()
                        .adapter());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "model.path=ITEM/model-safetensors",
                "model.path=ITEM/model-bin",
                "lora.init_adapter=ITEM/adapter"
            })
    void aGitLfsPointerIsNamed(String override) throws IOException {
        String model = override.startsWith("lora") ? "model.path=ITEM/../10-config-oddities/plain" : override;
        train("09-git-lfs-pointer", "job.yaml", model, override).refused(4, "git lfs pull", "[weights.format]");
    }

    @ParameterizedTest
    @CsvSource({"a-is-decoder, is_decoder", "d-pruned-heads, pruned_heads", "e-bitsandbytes-int8, bitsandbytes"})
    void aConfigThatComputesSomethingElseIsRefused(String model, String named) throws IOException {
        train("10-config-oddities", "job.yaml", "model.path=ITEM/" + model).refused(4, named, "[model.unsupported]");
    }

    @ParameterizedTest
    @ValueSource(strings = {"b-gelu-python", "f-harmless-keys", "g-defaults-left-out", "h-cross-attention"})
    void aConfigThatComputesTheSameTrainsTheSame(String model) throws IOException {
        String item = "10-config-oddities";
        Run run = train(item, "job.yaml", "model.path=ITEM/" + model).trained();
        assertThat(run.ended().err()).doesNotContain("does not know");
        assertThat(run.adapter()).isEqualTo(train(item, "job.yaml").trained().adapter());
    }

    @Test
    void anotherFormOfGeluTrainsOtherValues() throws IOException {
        String item = "10-config-oddities";
        assertThat(train(item, "job.yaml", "model.path=ITEM/c-gelu-new")
                        .trained()
                        .adapter())
                .isNotEqualTo(train(item, "job.yaml").trained().adapter());
    }

    @Test
    void textPairsNeedTwoTokenTypes() throws IOException {
        train("11-one-token-type-and-pairs", "job.yaml")
                .refused(4, "type_vocab_size", "text_pair", "[model.token-types]");
    }

    @Test
    void aByteLevelVocabularyInTwoFilesIsTheSameTokenizer() throws IOException {
        String item = "12-roberta-without-tokenizer-json";
        assertThat(train(item, "job.yaml").trained().adapter())
                .isEqualTo(train(item, "job.yaml", "model.path=ITEM/model-control")
                        .trained()
                        .adapter());
        train(item, "job-xlmr.yaml").trained();
    }

    @ParameterizedTest
    @CsvSource({
        "data-parallel, module.",
        "lightning, model.",
        "peft-merged-by-hand, base_model.model.",
        "torch-compile, _orig_mod."
    })
    void aPrefixOfAllNamesIsLeftOutAndSaid(String model, String prefix) throws IOException {
        Run run = train("13-wrapped-names", "job.yaml", "model.path=ITEM/" + model)
                .trained("'" + prefix + "'");
        assertThat(run.adapter())
                .isEqualTo(train("13-wrapped-names", "job.yaml", "model.path=ITEM/../10-config-oddities/plain")
                        .trained()
                        .adapter());
    }
}
