package org.sparklora.driver.job.fts;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.sparklora.driver.job.text.Facts.problem;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.driver.job.config.ConfigException;

class FtsConversionTest {

    private static final Optional<FtsModel> BERT = Optional.of(FtsModels.bert());
    private static final Optional<FtsModel> NO_MODEL = Optional.empty();

    /** The head until epoch 3, two modules of layer 11 until epoch 9, then three whole layers. */
    private static final String BY_EPOCHS = """
            0:
              params:
              - model.classifier.bias
              - model.classifier.weight
              max_transition_epoch: 3
            1:
              params:
              - model.bert.encoder.layer.11.attention.self.query.weight
              - model.bert.encoder.layer.11.attention.self.query.bias
              lr: 1e-04
              max_transition_epoch: 9
            2:
              params:
              - model.bert.encoder.layer.(8|9|10).*
              lr: 1e-05
            """;

    private static final String PLATEAU_COMMENT = """
              # FTSEarlyStopping's monitor, min_delta and patience are not in the file; in both the defaults are the
              # validation loss, 0 and 3: set metric, min_delta and patience if yours differ
            """;

    @TempDir
    Path directory;

    private FtsSchedule schedule(String yaml) throws IOException {
        return FtsSchedule.read(Files.writeString(directory.resolve("schedule.yaml"), yaml));
    }

    private String converted(String yaml, Optional<FtsModel> model) throws IOException {
        return FtsConversion.yaml(schedule(yaml), model, OptionalDouble.empty());
    }

    private List<String> problems(String yaml, Optional<FtsModel> model) throws IOException {
        FtsSchedule schedule = schedule(yaml);
        ConfigException refusal = catchThrowableOfType(
                ConfigException.class, () -> FtsConversion.yaml(schedule, model, OptionalDouble.empty()));
        assertThat(refusal).as("a refusal of\n%s", yaml).isNotNull();
        assertThat(refusal).hasMessageStartingWith(schedule.file() + ": ");
        return refusal.problems();
    }

    @Test
    void phasesOfDifferentLengthsBecomeEvents() throws IOException {
        assertThat(FtsConversion.yaml(schedule(BY_EPOCHS), BERT, OptionalDouble.of(5e-4)))
                .isEqualTo("""
                lora:
                  groups:
                    # phase 0: no group; the classifier always learns
                    phase1:
                      target_modules: [bert.encoder.layer.11.attention.self.query]
                      purpose: finetuning-scheduler phase 1
                      learning_rate_scale: 0.2
                    # phase 2: LoRA adapts the weights of Linears in the encoder; without bert.encoder.layer.8.attention.output.LayerNorm.weight and 11 more parameters
                    phase2:
                      target_modules: [dense, key, query, value]
                      layers_to_transform: [8-10]
                      purpose: finetuning-scheduler phase 2
                      learning_rate_scale: 0.02
                schedule:
                  # As with epoch_transitions_only. Without it FTS begins a phase earlier when validation stops improving;
                  # so does policy plateau, which has one max_epochs for all phases. Nor do events restore the best epoch.
                  policy: epochs
                  live: []
                  events:
                    - {epoch: 3, thaw: [phase1]}
                    - {epoch: 9, thaw: [phase2]}
                """);
    }

    @Test
    void phasesWithoutLimitsWaitForAPlateau() throws IOException {
        assertThat(converted("""
                0:
                  params: [net.classifier.weight, net.bert.pooler.dense.weight, net.bert.encoder.layer.11.attention.self.query.weight]
                  lr: 1e-3
                1:
                  params: ['net.bert.encoder.layer.\\d+.attention.self.(value|key).weight']
                  lr: 1e-4
                2: {params: [net.bert.encoder.layer.0.attention.self.query.weight]}
                """, BERT)).isEqualTo("""
                lora:
                  groups:
                    # phase 2 has no lr: FTS takes its base_max_lr, 0.00001 by default; here it is training.learning_rate
                    # phase 0: without lr 0.001, which FTS ignores in phase 0
                    phase0:
                      target_modules:
                        - bert.pooler.dense
                        - bert.encoder.layer.11.attention.self.query
                      purpose: finetuning-scheduler phase 0
                    phase1:
                      target_modules: [key, value]
                      layers_to_transform: [0-11]
                      purpose: finetuning-scheduler phase 1
                      # lr 0.0001: learning_rate_scale is that / training.learning_rate
                    phase2:
                      target_modules: [bert.encoder.layer.0.attention.self.query]
                      purpose: finetuning-scheduler phase 2
                schedule:
                """ + PLATEAU_COMMENT + """
                  policy: plateau
                  live: [phase0]
                  groups: [phase0, phase1, phase2]
                """);
    }

    @Test
    void equallyLongPhasesHaveMaxEpochs() throws IOException {
        assertThat(converted("""
                0: {params: [classifier.weight], max_transition_epoch: 3}
                1:
                  params: [bert.encoder.layer.1.attention.self.query.weight]
                  max_transition_epoch: 6
                  new_lr_scheduler: {}
                2:
                  params: [bert.encoder.layer.0.attention.self.query.weight, classifier.bias]
                  max_transition_epoch: 12
                """, NO_MODEL)).isEqualTo("""
                lora:
                  groups:
                    # phases 1, 2 have no lr: FTS takes its base_max_lr, 0.00001 by default; here it is training.learning_rate
                    # phase 0: no group; the classifier always learns
                    # phase 1: without new_lr_scheduler: a job has one optimizer and one lr_scheduler_type
                    phase1:
                      target_modules: [bert.encoder.layer.1.attention.self.query]
                      purpose: finetuning-scheduler phase 1
                    # phase 2: the classifier is in it; here it learns from the start
                    phase2:
                      target_modules: [bert.encoder.layer.0.attention.self.query]
                      purpose: finetuning-scheduler phase 2
                schedule:
                  # max_epochs counts in each phase, FTS in the run: there a phase that ends early leaves what it
                  # had left to the next one.
                  # With epoch_transitions_only nothing else counts in FTS: then write policy: epochs, live as here, and
                  # events:
                  #   - {epoch: 3, thaw: [phase1]}
                  #   - {epoch: 6, thaw: [phase2]}
                """ + PLATEAU_COMMENT + """
                  policy: plateau
                  live: []
                  groups: [phase1, phase2]
                  max_epochs: 3
                  # FTS makes the run at least 12 epochs long (max_transition_epoch of the last phase):
                  # set training.num_train_epochs
                """);
    }

    @Test
    void limitsOfSomePhasesAloneAreNamedAndLost() throws IOException {
        assertThat(converted("""
                0: {params: [bert.encoder.layer.2.attention.self.query.weight], max_transition_epoch: 3}
                1: {params: [bert.embeddings.word_embeddings.weight], lr: 1}
                2: {params: [bert.encoder.layer.1.attention.self.query.weight], lr: 1}
                """, NO_MODEL)).isEqualTo("""
                lora:
                  groups:
                    phase0:
                      target_modules: [bert.encoder.layer.2.attention.self.query]
                      purpose: finetuning-scheduler phase 0
                    # phase 1: LoRA adapts the weights of Linears in the encoder; without bert.embeddings.word_embeddings.weight
                    # phase 1: no group
                    phase2:
                      target_modules: [bert.encoder.layer.1.attention.self.query]
                      purpose: finetuning-scheduler phase 2
                      # lr 1: learning_rate_scale is that / training.learning_rate
                schedule:
                  # max_transition_epoch 3 of phase 0 is lost: policy plateau has a limit for all phases, or for none
                  # phase 1 has no group: one plateau less than in FTS comes before the next one
                """ + PLATEAU_COMMENT + """
                  policy: plateau
                  live: [phase0]
                  groups: [phase0, phase2]
                """);
    }

    @Test
    void aPhaseWithoutAGroupShiftsNoEvent() throws IOException {
        assertThat(converted("""
                0: {params: [classifier.weight], max_transition_epoch: 2}
                1: {params: [bert.embeddings.word_embeddings.weight], max_transition_epoch: 3}
                2: {params: [bert.encoder.layer.1.attention.self.query.weight], max_transition_epoch: 7}
                3: {params: [bert.encoder.layer.0.attention.self.query.weight]}
                """, NO_MODEL)).endsWith("""
                  policy: epochs
                  live: []
                  events:
                    - {epoch: 3, thaw: [phase2]}
                    - {epoch: 7, thaw: [phase3]}
                """);
    }

    /** MPNet's Linears of attention have names of one letter. */
    @Test
    void namesOfMpnetAreKnownWithoutAModel() throws IOException {
        assertThat(converted(
                        "0: {params: [model.mpnet.encoder.layer.3.attention.attn.q.weight,"
                                + " net.encoder.layer.2.attention.attn.o.weight, model.mpnet.encoder.layer.3.output.dense.weight,"
                                + " model.mpnet.encoder.relative_attention_bias.weight]}",
                        NO_MODEL))
                .contains(
                        "- mpnet.encoder.layer.3.attention.attn.q\n",
                        "- encoder.layer.2.attention.attn.o\n",
                        "- mpnet.encoder.layer.3.output.dense\n")
                .doesNotContain("- mpnet.encoder.relative_attention_bias\n");
    }

    @Test
    void aScheduleOfOnePhaseEndsOnAPlateau() throws IOException {
        assertThat(converted("0: {params: [bert.encoder.layer.0.attention.self.query.weight]}", NO_MODEL))
                .endsWith("schedule:\n" + PLATEAU_COMMENT + """
                  policy: plateau
                  live: [phase0]
                  groups: [phase0]
                """);
    }

    @Test
    void manyPhasesWithoutLrAreCounted() throws IOException {
        StringBuilder yaml = new StringBuilder();
        for (int i = 0; i < 8; i++) {
            yaml.append(i + ": {params: [bert.encoder.layer." + (11 - i) + ".output.dense.weight]}\n");
        }
        assertThat(converted(yaml.toString(), NO_MODEL))
                .contains("# phases 1, 2, 3, 4, 5 and 2 more have no lr: FTS takes its base_max_lr");
    }

    @Test
    void namesTheModuleWhoseWeightThawsNotThatOfABiasAlone() throws IOException {
        assertThat(converted("""
                0: {params: ['.*attention.self.query.bias', '.*layer.1.attention.self.query.weight']}
                1: {params: [bert.encoder.layer.0.attention.self.query.weight], lr: 1}
                """, BERT)).contains("""
                    # phase 0: LoRA adapts the weights of Linears in the encoder; without bert.encoder.layer.0.attention.self.query.bias and 10 more parameters
                    phase0:
                      target_modules: [bert.encoder.layer.1.attention.self.query]
                """);
    }

    @Test
    void aRegularExpressionMatchesTheBeginningOfANameAsInPython() throws IOException {
        String phase = "0: {params: ['%s']}";
        assertThat(converted(phase.replace("%s", "model.bert.encoder.layer.1"), BERT))
                .contains("layers_to_transform: [1, 10-11]\n");
        assertThat(converted(phase.replace("%s", "model\\.bert\\.encoder\\.layer\\.1\\."), BERT))
                .contains("layers_to_transform: [1]\n");
        assertThat(converted(phase.replace("%s", "encoder.layer.(1|2).*query"), BERT))
                .contains("target_modules: [query]\n      layers_to_transform: [1-2, 10-11]\n");
    }

    @Test
    void endingsAreUsedOnlyWhereTheyMeanTheSameModules() throws IOException {
        String layers = "0: {params: ['model.bert.encoder.layer.(3|5|6).%s']}";
        assertThat(converted(layers.replace("%s", "attention.output.dense.*"), BERT))
                .contains("""
                      target_modules: [attention.output.dense]
                      layers_to_transform: [3, 5-6]
                """);
        assertThat(converted(layers.replace("%s", "output.dense.*"), BERT)).contains("""
                      target_modules:
                        - bert.encoder.layer.3.output.dense
                        - bert.encoder.layer.5.output.dense
                        - bert.encoder.layer.6.output.dense
                """);
        assertThat(converted(layers.replace("%s", "(attention.)?output.dense.*"), BERT))
                .contains("""
                      target_modules: [output.dense]
                      layers_to_transform: [3, 5-6]
                """);
        assertThat(converted("0: {params: ['.*layer.3.*query', '.*layer.4.*(query|key)']}", BERT))
                .contains("""
                      target_modules:
                        - bert.encoder.layer.3.attention.self.query
                """);
    }

    @Test
    void knowsAnEncoderWithoutItsHeadByItsShorterNames() throws IOException {
        String yaml = """
                0: {params: [classifier.weight]}
                1: {params: [backbone.encoder.layer.3.attention.self.query.weight]}
                """;
        assertThat(converted(yaml, BERT)).contains("target_modules: [bert.encoder.layer.3.attention.self.query]");
        assertThat(converted(yaml, NO_MODEL)).contains("target_modules: [encoder.layer.3.attention.self.query]");
    }

    @Test
    void withoutAModelTheLightningPrefixGoes() throws IOException {
        assertThat(converted("0: {params: [bert.bert.encoder.layer.3.attention.self.query.weight]}", NO_MODEL))
                .contains("target_modules: [bert.encoder.layer.3.attention.self.query]");
        assertThat(converted("0: {params: [a.b.bert.pooler.dense.weight, a.b.bert.classifier.weight]}", NO_MODEL))
                .contains("target_modules: [bert.pooler.dense]");
        assertThat(converted("0: {params: [bert.pooler.dense.weight, head.dense.weight]}", NO_MODEL))
                .contains("in the encoder; without head.dense.weight\n", "target_modules: [bert.pooler.dense]");
    }

    @Test
    void withoutAModelARegularExpressionIsRefused() throws IOException {
        assertThat(problems("0: {params: [bert.pooler.dense.weight, 'bert.*.weight', bert.encoder.layer.1]}", NO_MODEL))
                .satisfiesExactly(
                        problem("config.fts.params", "0.params[1]='bert.*.weight'", "--model", "--config"),
                        problem("config.fts.params", "0.params[2]='bert.encoder.layer.1'", "--model", "--config"));
    }

    @Test
    void refusesEntriesThatMeanNothingAndParametersInTwoPhases() throws IOException {
        assertThat(problems("""
                0: {params: [model.head.weight, 'model.bert.encoder.layer.11.*']}
                1: {params: ['model.bert.encoder.layer.1', 'model.bert.encoder.layer.(12|13).*']}
                2: {params: [model.bert.encoder.layer.2.attention.self.qery.weight]}
                """, BERT))
                .satisfiesExactly(
                        problem("config.fts.params", "0.params[0]='model.head.weight'"),
                        problem(
                                "config.fts.params",
                                "1.params[1]='model.bert.encoder.layer.(12|13).*'",
                                "model.bert.embeddings.word_embeddings.weight"),
                        problem(
                                "config.fts.params",
                                "2.params[0]='model.bert.encoder.layer.2.attention.self.qery.weight'",
                                "model.bert.encoder.layer.2.attention.self.query.weight"),
                        problem(
                                "config.fts.params",
                                "0.params",
                                "bert.encoder.layer.11.attention.output.LayerNorm.weight",
                                "15"));
    }

    @Test
    void refusesAScheduleThatLeavesNothingForLora() throws IOException {
        assertThat(problems("0: {params: [model.classifier.weight]}\n1: {params: ['.*LayerNorm']}", BERT))
                .satisfiesExactly(problem("config.fts.params", "no"));
    }
}
