package org.sparklora.driver.job.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ResolvedYamlTest {

    @TempDir
    Path directory;

    @Test
    void everyKeyReadsBackEqual() {
        JobConfig job = Jobs.readEvenIfUnavailable(directory, Jobs.EVERY_KEY);
        assertThat(Jobs.readEvenIfUnavailable(directory, ResolvedYaml.write(job)))
                .isEqualTo(job);
    }

    @Test
    void awkwardTextsReadBackEqual() {
        String awkward = Jobs.SMALLEST + """
                name: "a: b # c\\nd"
                """;
        JobConfig job = Jobs.read(
                directory,
                awkward,
                "model.labels=[no, 'null', 5e-4, \"1_000\", 0x1F, 12:30, 2020-01-01, ' x ', \"ж 😀\"]",
                "lora.groups.top.purpose='~'",
                "data.order=given",
                "data.validation.fraction=1e-3",
                "training.adam_epsilon=1e-12");
        assertThat(Jobs.read(directory, ResolvedYaml.write(job))).isEqualTo(job);
    }

    @Test
    void whatAGroupInheritsIsWrittenOnce() {
        JobConfig job = Jobs.read(
                directory,
                Jobs.TWO_GROUPS,
                "lora.rank_pattern={query: 4}",
                "lora.exclude_modules=[pooler.dense]",
                "lora.groups.top.rank_pattern={}",
                "lora.groups.top.exclude_modules=[]",
                "lora.groups.top.layers_to_transform=[8-10, 0]");
        String yaml = ResolvedYaml.write(job);
        assertThat(yaml)
                .contains("""
                    bottom:
                      target_modules:
                      - query
                      exclude_modules: null
                """)
                .contains("""
                      layers_to_transform:
                      - 8
                      - 9
                      - 10
                      - 0
                """)
                .containsOnlyOnce("query: 4")
                .contains("rank_pattern: {}", "exclude_modules: []");
        assertThat(Jobs.read(directory, yaml)).isEqualTo(job);
    }

    @Test
    void theOrderOfPatternsIsKept() {
        JobConfig job = Jobs.read(directory, Jobs.SMALLEST, "lora.rank_pattern={z: 1, a: 2, 'm: .*': 3}");
        assertThat(Jobs.read(directory, ResolvedYaml.write(job))
                        .lora()
                        .rankPattern()
                        .asMap()
                        .keySet())
                .containsExactly("z", "a", "m: .*");
    }

    @Test
    void writesEveryKeyWithItsDefault() {
        assertThat(ResolvedYaml.write(Jobs.read(directory, Jobs.SMALLEST))).isEqualTo("""
                        name: job
                        seed: 42
                        model:
                          path: /m
                          task: classification
                          labels: null
                          max_length: 128
                        data:
                          train:
                            path: /d/train.csv
                            table: null
                            sql: null
                            where: null
                            columns: null
                            format: null
                            text: text
                            text_pair: null
                            label: label
                            weight: null
                            options: {}
                          validation: null
                          order: shuffled
                          group_by_length: true
                          adapter: null
                          min_rows: null
                          max_keys: null
                        lora:
                          r: 8
                          lora_alpha: 16.0
                          lora_dropout: 0.05
                          rank_pattern: null
                          alpha_pattern: null
                          exclude_modules: null
                          bias: none
                          use_rslora: false
                          peft_type: LORA
                          use_dora: false
                          init_lora_weights: 'true'
                          init_r: null
                          target_r: null
                          tinit: null
                          tfinal: null
                          deltaT: null
                          beta1: null
                          beta2: null
                          orth_reg_weight: null
                          modules_to_save:
                          - classifier
                          init_adapter: null
                          init: null
                          groups:
                            top:
                              target_modules:
                              - query
                              exclude_modules: null
                              layers_to_transform: null
                              purpose: ''
                              r: 8
                              lora_alpha: 16.0
                              lora_dropout: 0.05
                              rank_pattern: null
                              alpha_pattern: null
                              learning_rate_scale: 1.0
                              warmup_steps: 0
                        schedule:
                          policy: epochs
                          live:
                          - top
                          groups: null
                          events: []
                        training:
                          num_train_epochs: 3
                          max_steps: null
                          batch_size: 32
                          data_seed: null
                          shards: 8
                          gradient_accumulation_steps: 1
                          learning_rate: 5.0E-4
                          lr_scheduler_type: linear
                          warmup_steps: 0
                          warmup_ratio: null
                          weight_decay: 0.01
                          weight_decay_exclude:
                          - bias
                          - LayerNorm
                          adam_beta1: 0.9
                          adam_beta2: 0.999
                          adam_epsilon: 1.0E-8
                          max_grad_norm: 1.0
                          loraplus_lr_ratio: null
                          label_smoothing_factor: 0.0
                          class_weights: null
                          focal_gamma: null
                          threshold: null
                          metric_for_best_model: null
                          load_best_model_at_end: false
                          early_stopping_patience: null
                        execution:
                          exchange: auto
                          kernel: null
                          precision: null
                          device: cpu
                          activation_cache: auto
                          activation_cache_type: float32
                          base_dropout: 0.0
                          head_dropout: 0.0
                          checkpoint_every: null
                          max_failures: 4
                          executor_timeout: 600s
                          min_executors: null
                        tracking:
                          mlflow: null
                          experiment: null
                          tensorboard: null
                        output: /o
                        """);
    }
}
