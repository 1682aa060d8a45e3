package org.sparklora.driver.job.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.sparklora.driver.job.text.Problems;

/** Job files for tests, and short ways to read them in a directory of their own. */
final class Jobs {

    /** The smallest legal job. */
    static final String SMALLEST = """
            model: {path: /m}
            data:
              train: {path: /d/train.csv}
            lora:
              groups:
                top: {target_modules: [query]}
            schedule: {live: [top]}
            output: /o
            """;

    /** Two groups, one of them not live at the start; ends in the schedule, so that a test can go on with events. */
    static final String TWO_GROUPS = """
            model: {path: /m}
            data:
              train: {path: /d/train.csv}
            output: /o
            lora:
              groups:
                top: {target_modules: [query], layers_to_transform: [1]}
                bottom: {target_modules: [query], layers_to_transform: [0]}
            schedule:
              live: [top]
            """;

    /** Every key with a value that is not its default, available or not. */
    static final String EVERY_KEY = """
            name: changed
            seed: 7
            model: {path: /m, task: multi_label, labels: [no, 'null', 1], max_length: 64}
            data:
              train: {path: hdfs://h/train, format: parquet, text: a, text_pair: b, label: c, weight: w, options: {sep: ";"}}
              validation: {path: 's3://x/dev', format: csv, text: d, text_pair: e, label: f, weight: v, options: {}}
              order: given
              group_by_length: false
              adapter: customer
              min_rows: 20
              max_keys: 300
            lora:
              r: 2
              lora_alpha: 3
              lora_dropout: 0.5
              rank_pattern: {query: 6, '.*dense': 5}
              alpha_pattern: {value: 1.5}
              exclude_modules: [pooler.dense, key]
              bias: lora_only
              use_rslora: true
              peft_type: ADALORA
              use_dora: true
              init_lora_weights: pissa
              init_r: 3
              target_r: 1
              tinit: 2
              tfinal: 4
              deltaT: 5
              beta1: 0.5
              beta2: 0.25
              orth_reg_weight: 0.125
              modules_to_save: [pooler, classifier]
              init_adapter: /a
              init: all
              groups:
                top:
                  target_modules: .*\\.(query|value)
                  exclude_modules: .*pooler.*
                  layers_to_transform: [8-9, 11]
                  purpose: "why: the top"
                  r: 4
                  lora_alpha: 5.5
                  lora_dropout: 0
                  rank_pattern: {'^bert.*11.*query': 3, query: 1}
                  alpha_pattern: {}
                  learning_rate_scale: 0.25
                  warmup_steps: 10
                middle: {target_modules: all-linear, exclude_modules: [], layers_to_transform: 5-7}
                rest: {target_modules: [layer.0.attention.self.query, value]}
                side: {target_modules: [key], layers_to_transform: [1]}
            schedule:
              policy: lisa
              live: [side]
              groups: [top, rest]
              events:
                - epoch: 1
                  step: 5
                  add:
                    late: {target_modules: [key], layers_to_transform: [2], r: 1}
                  thaw: [late]
                  freeze: [side]
                  optimizer_state: decay
              sample: 1
              period: 5
              weights: {rest: 2.5}
              optimizer_state: decay
            training:
              num_train_epochs: 4
              batch_size: 16
              shards: 4
              gradient_accumulation_steps: 2
              learning_rate: 1e-3
              lr_scheduler_type: cosine
              warmup_steps: 6
              weight_decay: 0
              adam_beta1: 0.8
              adam_beta2: 0.99
              adam_epsilon: 1e-6
              max_grad_norm: null
              loraplus_lr_ratio: 16
              label_smoothing_factor: 0.1
              metric_for_best_model: f1
              load_best_model_at_end: true
              early_stopping_patience: 2
            execution:
              exchange: peer
              device: gpu
              activation_cache: off
              kernel: mkl
              precision: float32
              activation_cache_type: float16
              base_dropout: model
              head_dropout: 0.1
              checkpoint_every: 50
              max_failures: 1
              executor_timeout: 90s
              min_executors: 3
            tracking:
              mlflow: http://h:5000/base
              experiment: texts
              tensorboard: hdfs://h/boards
            output: hdfs://h/out
            """;

    private Jobs() {}

    /** Writes a job file and reads it there. */
    static JobConfig read(Path directory, String yaml, String... sets) {
        return JobFile.read(write(directory, yaml), List.of(sets), Optional.empty(), directory);
    }

    /** The problems of a job file that must have some. */
    static List<String> problems(Path directory, String yaml, String... sets) {
        ConfigException e = catchThrowableOfType(ConfigException.class, () -> read(directory, yaml, sets));
        assertThat(e).as("a refusal of\n%s", yaml).isNotNull();
        return e.problems();
    }

    /** Reads a job whose values need not be available in this version, nor go with each other. */
    static JobConfig readEvenIfUnavailable(Path directory, String yaml) {
        Problems problems = new Problems();
        YamlSection root =
                new YamlSection("", YamlTree.parseMap(yaml, "a map", problems).orElseThrow(), problems);
        JobConfig job = new JobReader(root, new JobPaths(directory, Path.of("job.yaml"))).read("job", Optional.empty());
        assertThat(problems.lines()).allMatch(line -> line.matches(".*\\[config\\.value\\.(unavailable|conflict)]"));
        return job;
    }

    static Path write(Path directory, String yaml) {
        try {
            return Files.writeString(directory.resolve("job.yaml"), yaml).getFileName();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
