package org.sparklora.worker.encoder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDManager;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.sparklora.worker.contract.Arithmetic;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.Precision;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.encoder.Encoder.Multiplied;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.engine.Torch;
import org.sparklora.worker.safetensors.SafetensorsFile;
import org.sparklora.worker.safetensors.SafetensorsWriter;
import org.sparklora.worker.safetensors.Tensor;

class ArchitecturesTest {

    private static final Path CASES = Path.of("src/test/resources/golden-encoders");

    @TempDir
    private Path folder;

    private static Encoder encoder(String name, HeadInput reading) {
        return Architectures.of(EncoderConfig.read(CASES.resolve(name).resolve("model")), reading);
    }

    private ModelException refused(String name, String from, String to) throws IOException {
        String config = Files.readString(CASES.resolve(name).resolve("model/config.json"));
        assertThat(config).contains(from);
        Files.writeString(folder.resolve("config.json"), config.replace(from, to));
        try {
            Architectures.of(EncoderConfig.read(folder), HeadInput.FIRST_TOKEN);
        } catch (ModelException e) {
            return e;
        }
        throw new AssertionError("accepted: " + to);
    }

    /** LoRA tells tables from Linears by their names. */
    @Test
    void tablesOfEmbeddingsAndNothingElseHaveNamesOfTables() throws IOException {
        Set<String> endings = new TreeSet<>();
        try (Stream<Path> cases = Files.list(CASES)) {
            for (Path golden : cases.filter(Files::isDirectory).toList()) {
                Encoder encoder = encoder(golden.getFileName().toString(), HeadInput.FIRST_TOKEN);
                assertThat(encoder.linears()).noneMatch(linear -> LoraModule.isTable(linear.name()));
                assertThat(encoder.tables()).isNotEmpty().allSatisfy(table -> {
                    assertThat(LoraModule.isTable(table.name()))
                            .as(table.name())
                            .isTrue();
                    assertThat(encoder.layerIndex(table.name())).isZero();
                    assertThat(encoder.weights()).contains(new TensorSpec(table.name() + ".weight", table.shape()));
                    endings.add(table.name().substring(table.name().lastIndexOf('.') + 1));
                });
            }
        }
        assertThat(endings)
                .containsExactly("position_embeddings", "tok_embeddings", "token_type_embeddings", "word_embeddings");
    }

    @Test
    void refusesOtherVariantsAndNamesTheSupportedOnes() throws IOException {
        assertThat(refused("roberta", "\"model_type\": \"roberta\"", "\"model_type\": \"deberta\""))
                .hasMessageContainingAll(
                        folder.resolve("config.json").toString(),
                        "'deberta'",
                        "bert",
                        "distilbert",
                        "roberta, xlm-roberta",
                        "[model.unsupported]");
        assertThat(refused("roberta", "\"absolute\"", "\"relative_key\""))
                .hasMessageContainingAll(
                        "position_embedding_type", "'relative_key'", "'absolute'", "[model.unsupported]");
        assertThat(refused("roberta", "\"gelu\"", "\"relu\""))
                .hasMessageContainingAll("hidden_act 'relu'", "gelu_new", "[model.unsupported]");
        assertThat(refused("distilbert", "\"gelu\"", "\"relu\""))
                .hasMessageContainingAll("activation 'relu'", "gelu_new", "[model.unsupported]");
        assertThat(refused("distilbert", "\"n_heads\": 4", "\"n_heads\": 5"))
                .hasMessageContainingAll("dim 32", "n_heads 5", "[model.config]");
        assertThat(refused("roberta", "\"pad_token_id\": 1", "\"pad_token_id\": 65"))
                .hasMessageContainingAll("max_position_embeddings 66", "pad_token_id 65", "[model.config]");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "'\"is_decoder\": true'; is_decoder",
                "'\"is_encoder_decoder\": true'; is_encoder_decoder",
                "'\"pruned_heads\": {\"0\": [1]}'; pruned_heads {\"0\":[1]}",
                "'\"quantization_config\": {\"quant_method\": \"bitsandbytes\", \"load_in_8bit\": true}'; 'bitsandbytes'",
            })
    void refusesAKeyThatChangesTheComputation(String key, String named) throws IOException {
        assertThat(refused("roberta", "\"hidden_act\"", key + ", \"hidden_act\""))
                .hasMessageContainingAll(folder.resolve("config.json").toString(), named, "[model.unsupported]");
    }

    @Test
    void reportsKeysThatItDoesNotKnowAndOnlyThose() throws IOException {
        Files.writeString(folder.resolve("config.json"), """
                {"model_type": "bert", "is_decoder": false, "add_cross_attention": true, "position_embedding_type": null,
                 "chunk_size_feed_forward": 64, "pruned_heads": {}, "quantization_config": null, "pooler_type": "first",
                 "rope_theta": 1e4, "alibi": true}""");
        EncoderConfig config = EncoderConfig.read(folder);
        Encoder encoder = Architectures.of(config, HeadInput.FIRST_TOKEN);
        assertThat(config.notes())
                .singleElement()
                .asString()
                .contains("config.json")
                .endsWith(": alibi, rope_theta");
        // Sizes that are left out are those of transformers' BertConfig.
        assertThat(encoder.sizes())
                .returns(12, EncoderSizes::layers)
                .returns(768, EncoderSizes::hidden)
                .returns(12, EncoderSizes::heads)
                .returns(3072, EncoderSizes::intermediate)
                .returns(30522, EncoderSizes::vocabulary)
                .returns(2, sizes -> sizes.types().rows())
                .returns(HiddenActivation.GELU, EncoderSizes::activation);
        assertThat(encoder.maxPositions()).isEqualTo(512);
    }

    /** The keys of answerdotai/ModernBERT-base. */
    @Test
    void theConfigurationOfModernBertIsKnown() throws IOException {
        Files.writeString(folder.resolve("config.json"), """
                {"architectures": ["ModernBertForMaskedLM"], "attention_bias": false, "attention_dropout": 0.0,
                 "bos_token_id": 50281, "classifier_activation": "gelu", "classifier_bias": false, "classifier_dropout": 0.0,
                 "classifier_pooling": "mean", "cls_token_id": 50281, "decoder_bias": true, "deterministic_flash_attn": false,
                 "embedding_dropout": 0.0, "eos_token_id": 50282, "global_attn_every_n_layers": 3,
                 "global_rope_theta": 160000.0, "gradient_checkpointing": false, "hidden_activation": "gelu",
                 "hidden_size": 768, "initializer_cutoff_factor": 2.0, "initializer_range": 0.02, "intermediate_size": 1152,
                 "layer_norm_eps": 1e-05, "local_attention": 128, "local_rope_theta": 10000.0,
                 "max_position_embeddings": 8192, "mlp_bias": false, "mlp_dropout": 0.0, "model_type": "modernbert",
                 "norm_bias": false, "norm_eps": 1e-05, "num_attention_heads": 12, "num_hidden_layers": 22,
                 "pad_token_id": 50283, "position_embedding_type": "absolute", "reference_compile": false,
                 "repad_logits_with_grad": false, "sep_token_id": 50282, "sparse_pred_ignore_index": -100,
                 "sparse_prediction": false, "torch_dtype": "float32", "transformers_version": "4.48.0", "vocab_size": 50368}""");
        EncoderConfig config = EncoderConfig.read(folder);
        Encoder encoder = Architectures.of(config, HeadInput.FIRST_TOKEN);
        assertThat(encoder.maxPositions()).isEqualTo(8192);
        // 149.6 million, without the decoder, which shares the table of words.
        assertThat(encoder.weights().stream().mapToLong(TensorSpec::size).sum()).isEqualTo(149_604_864L);
        assertThat(encoder.biases()).isEmpty();
        assertThat(config.notes()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "gelu, GELU",
        "gelu_python, GELU",
        "gelu_new, GELU_TANH",
        "gelu_fast, GELU_TANH",
        "gelu_pytorch_tanh, GELU_TANH"
    })
    void namesOfAnActivation(String name, HiddenActivation activation) throws IOException {
        Files.writeString(
                folder.resolve("config.json"), "{\"model_type\": \"distilbert\", \"activation\": \"" + name + "\"}");
        Encoder encoder = Architectures.of(EncoderConfig.read(folder), HeadInput.FIRST_TOKEN);
        assertThat(encoder.sizes().activation()).isEqualTo(activation);
    }

    @ParameterizedTest
    @CsvSource({"module., roberta", "_orig_mod., distilbert", "base_model.model., roberta", "net.module., distilbert"})
    void aPrefixThatAllNamesShareIsLeftOut(String prefix, String name) throws IOException {
        Path original = CASES.resolve(name).resolve("model");
        SortedMap<String, Tensor> tensors = new TreeMap<>();
        try (SafetensorsFile file = SafetensorsFile.open(original.resolve("model.safetensors"))) {
            file.names().forEach(tensor -> tensors.put(prefix + tensor, file.tensor(tensor)));
        }
        Files.copy(original.resolve("config.json"), folder.resolve("config.json"));
        SafetensorsWriter.write(folder.resolve("model.safetensors"), tensors);
        assertThat(weights(folder)).isEqualTo(weights(original));
        try (BaseModel model = BaseModel.open(folder)) {
            assertThat(model.notes()).singleElement().asString().contains("'" + prefix + "'");
            assertThat(model.optional("classifier.weight").isPresent()).isEqualTo(name.equals("distilbert"));
        }
        tensors.put("loss.weight", new Tensor(List.of(1), new float[1]));
        SafetensorsWriter.write(folder.resolve("model.safetensors"), tensors);
        assertThatThrownBy(() -> BaseModel.open(folder))
                .hasMessageContainingAll("'" + prefix + "'", "'loss.weight'", "[model.weights]");
    }

    @Test
    void anAdapterInsideTheModelIsNotABaseModel() throws IOException {
        write("roberta", tensor -> tensor.replace("query.weight", "query.lora_A.default.weight"));
        assertThatThrownBy(() -> BaseModel.open(folder))
                .hasMessageContainingAll("query.lora_A.default.weight'", "merge_and_unload", "[model.weights]");
    }

    @ParameterizedTest
    @CsvSource({"model.safetensors, weights.format", "pytorch_model.bin, weights.format", "config.json, model.config"})
    void aGitLfsPointerIsNamed(String file, String code) throws IOException {
        Files.copy(CASES.resolve("roberta/model/config.json"), folder.resolve("config.json"));
        Files.writeString(
                folder.resolve(file),
                "version https://git-lfs.github.com/spec/v1\noid sha256:3f3f3f3f\nsize 437955512\n");
        assertThatThrownBy(() -> BaseModel.open(folder))
                .hasMessageContainingAll(folder.resolve(file).toString(), "git lfs pull", "[" + code + "]");
    }

    /** The checkpoint of ELECTRA-base has no projection, because its embeddings are as wide as its layers. */
    @Test
    void embeddingsAreProjectedIfTheyHaveAWidthOfTheirOwn() throws IOException {
        String project = "electra.embeddings_project";
        Encoder projected = encoder("electra", HeadInput.FIRST_TOKEN);
        assertThat(projected.linears()).contains(new TensorSpec(project, List.of(40, 24)));
        assertThat(projected.layerIndex(project + ".lora_A.weight")).isZero();
        assertThat(projected.layerName(0)).isEqualTo("embeddings");
        assertThat(projected.readsLayerInput(project)).isTrue();
        assertThat(projected.multiplied(project)).isEqualTo(Multiplied.EVERY_TOKEN);
        EncoderWork work = EncoderWork.of(projected);
        assertThat(work.forward(0, 10)).isEqualTo(2 * 40 * 24 * 10);
        assertThat(work.backward(0, 10, true)).isZero();
        Files.writeString(folder.resolve("config.json"), "{\"model_type\": \"electra\", \"embedding_size\": 256}");
        Encoder wide = Architectures.of(EncoderConfig.read(folder), HeadInput.FIRST_TOKEN);
        // Sizes that are left out are those of transformers' ElectraConfig.
        assertThat(wide.sizes())
                .returns(256, EncoderSizes::hidden)
                .returns(4, EncoderSizes::heads)
                .returns(1024, EncoderSizes::intermediate);
        assertThat(wide.layerIndex(project)).isEqualTo(wide.headIndex());
    }

    @Test
    void mpnetsTableOfDistancesBelongsToTheEmbeddings() throws IOException {
        Encoder encoder = encoder("mpnet", HeadInput.FIRST_TOKEN);
        String table = "encoder.relative_attention_bias.weight";
        assertThat(encoder.canonicalName(table)).contains("mpnet." + table);
        assertThat(encoder.layerIndex("mpnet." + table)).isZero();
        assertThat(encoder.maxPositions()).isEqualTo(42);
        assertThat(refused("mpnet", "\"relative_attention_num_buckets\": 32", "\"relative_attention_num_buckets\": 16"))
                .hasMessageContainingAll("relative_attention_num_buckets is 16", "32 buckets", "[model.config]");
    }

    @Test
    void xlmRobertaIsRobertaUnderAnotherName() throws IOException {
        String config = Files.readString(CASES.resolve("roberta/model/config.json"));
        Files.writeString(folder.resolve("config.json"), config.replace("\"roberta\"", "\"xlm-roberta\""));
        Encoder xlm = Architectures.of(EncoderConfig.read(folder), HeadInput.FIRST_TOKEN);
        assertThat(xlm.weights())
                .isEqualTo(encoder("roberta", HeadInput.FIRST_TOKEN).weights());
    }

    @Test
    void robertaCountsPositionsAboveThePaddingToken() {
        Torch.prepareThread();
        try (NDManager manager = Torch.newManager()) {
            // A padding token within a text keeps its own position and is not counted, as in transformers.
            long[] ids = {0, 7, 1, 8, 2, 0, 9, 2, 1, 1};
            Tokens tokens = Tokens.of(manager, 2, ids, new long[10], new float[10]);
            assertThat(tokens.positionsAfter(1).toLongArray()).containsExactly(2, 3, 1, 4, 5, 2, 3, 4, 1, 1);
        }
        // 66 rows of the table.
        assertThat(encoder("roberta", HeadInput.FIRST_TOKEN).maxPositions()).isEqualTo(64);
        assertThat(encoder("distilbert", HeadInput.FIRST_TOKEN).maxPositions()).isEqualTo(64);
    }

    @ParameterizedTest
    @CsvSource({
        "bert-multi-label, FIRST_TOKEN, 5, true",
        "bert-token-classification, EVERY_TOKEN, 4, false",
        "roberta, FIRST_TOKEN, 4, false",
        "roberta, EVERY_TOKEN, 4, false",
        "distilbert, FIRST_TOKEN, 4, false",
        "distilbert, EVERY_TOKEN, 4, false"
    })
    void theHeadHasTheIndexAfterTheLast(String name, HeadInput reading, int headIndex, boolean pools) {
        Encoder encoder = encoder(name, reading);
        assertThat(encoder.layers()).isEqualTo(3);
        assertThat(encoder.headIndex()).isEqualTo(headIndex);
        assertThat(encoder.pools()).isEqualTo(pools);
        assertThat(encoder.layerIndex("classifier.weight")).isEqualTo(headIndex);
        assertThat(encoder.layerName(headIndex)).isEqualTo("head");
        assertThat(encoder.layerName(3)).isEqualTo("layer 2");
        assertThat(encoder.layerName(4)).isEqualTo(pools ? "pooler" : "head");
        boolean first = reading == HeadInput.FIRST_TOKEN;
        assertThat(encoder.firstTokenEnters(3)).isFalse();
        assertThat(encoder.firstTokenAlone(3)).isEqualTo(first);
        assertThat(encoder.firstTokenEnters(headIndex)).isEqualTo(first);
        assertThat(encoder.linears())
                .hasSize(3 * 6 + (pools ? 1 : 0))
                .allSatisfy(
                        linear -> assertThat(encoder.layerIndex(linear.name())).isBetween(1, headIndex - 1));
        assertThat(encoder.head().modules())
                .isEqualTo(
                        name.equals("distilbert") && first
                                ? List.of("classifier", "pre_classifier")
                                : List.of("classifier"));
    }

    @Test
    void whatReadsItsLayersInput() {
        Encoder distil = encoder("distilbert", HeadInput.FIRST_TOKEN);
        String middle = "distilbert.transformer.layer.1.";
        String last = "distilbert.transformer.layer.2.";
        assertThat(distil.readsLayerInput(middle + "attention.k_lin")).isTrue();
        assertThat(distil.readsLayerInput(middle + "attention.out_lin")).isFalse();
        assertThat(distil.readsLayerInput(last + "attention.q_lin")).isTrue();
        assertThat(distil.readsLayerInput(last + "attention.v_lin")).isFalse();
        assertThat(distil.multiplied(last + "attention.v_lin")).isEqualTo(Multiplied.ONE_VECTOR_BY_HEAD);
        assertThat(distil.multiplied(last + "ffn.lin1")).isEqualTo(Multiplied.FIRST_TOKEN);
        Encoder tokens = encoder("distilbert", HeadInput.EVERY_TOKEN);
        assertThat(tokens.readsLayerInput(last + "attention.v_lin")).isTrue();
        assertThat(tokens.multiplied(last + "ffn.lin1")).isEqualTo(Multiplied.EVERY_TOKEN);
    }

    /** H = 32, N = 4, an intermediate size of 64. */
    @Test
    void readingEveryTokenTheLastLayerCostsWhatTheOthersCost() {
        EncoderWork tokens = EncoderWork.of(encoder("bert-token-classification", HeadInput.EVERY_TOKEN));
        assertThat(tokens.headIndex()).isEqualTo(4);
        assertThat(tokens.forward(3, 10)).isEqualTo(tokens.forward(2, 10)).isPositive();
        assertThat(tokens.backward(3, 10, true)).isEqualTo(tokens.backward(2, 10, true));
        assertThat(tokens.keptBytes(3, 10, Precision.FLOAT32)).isEqualTo(tokens.keptBytes(2, 10, Precision.FLOAT32));
        assertThat(tokens.vectors("bert.encoder.layer.2.attention.self.key", 10, false))
                .isEqualTo(10);
        EncoderWork roberta = EncoderWork.of(encoder("roberta", HeadInput.FIRST_TOKEN));
        assertThat(roberta.headIndex()).isEqualTo(4);
        assertThat(roberta.forward(3, 10)).isEqualTo(2 * (4 * 32 * 32 + 2 * 32 * 64) + 2 * (2 * 4 * 10 * 32));
    }

    private Map<String, Tensor> weights(Path directory) {
        try (BaseModel model = BaseModel.open(directory)) {
            Map<String, Tensor> values = new TreeMap<>();
            for (TensorSpec weight : model.encoder().weights()) {
                values.put(weight.name(), new Tensor(weight.shape(), Tensors.toFloats(model.weight(weight.name()))));
            }
            return values;
        }
    }

    private void write(String name, UnaryOperator<String> spelling) throws IOException {
        Path original = CASES.resolve(name).resolve("model");
        SortedMap<String, Tensor> tensors = new TreeMap<>();
        try (SafetensorsFile file = SafetensorsFile.open(original.resolve("model.safetensors"))) {
            file.names().forEach(tensor -> tensors.put(spelling.apply(tensor), file.tensor(tensor)));
        }
        // What a masked language model's checkpoint has besides, and a pooler that nobody reads.
        tensors.put("lm_head.bias", new Tensor(List.of(1), new float[1]));
        tensors.put("vocab_transform.bias", new Tensor(List.of(1), new float[1]));
        tensors.put("pooler.dense.bias", new Tensor(List.of(1), new float[1]));
        Files.copy(original.resolve("config.json"), folder.resolve("config.json"));
        SafetensorsWriter.write(folder.resolve("model.safetensors"), tensors);
    }

    @ParameterizedTest
    @ValueSource(strings = {"roberta", "distilbert"})
    void oldSpellingsAndBareNamesAreTheSameModel(String name) throws IOException {
        write(name, tensor -> {
            boolean norm = tensor.contains("LayerNorm") || tensor.contains("layer_norm");
            String old = norm ? tensor.replaceFirst("\\.weight$", ".gamma").replaceFirst("\\.bias$", ".beta") : tensor;
            return old.replaceFirst("^" + name + "\\.", "");
        });
        assertThat(weights(folder)).isEqualTo(weights(CASES.resolve(name).resolve("model")));
        try (BaseModel model = BaseModel.open(folder)) {
            assertThat(model.optional("classifier.weight").isPresent()).isEqualTo(name.equals("distilbert"));
            assertThat(model.optional("classifier.dense.weight").isPresent()).isEqualTo(name.equals("roberta"));
            assertThat(model.optional(name + ".pooler.dense.bias")).isEmpty();
        }
    }

    /** A masked language model has none: it is new, and part of the head. */
    @Test
    void onlyHeadsThatReadTheFirstTokenNeedBertsPooler() {
        Path noPooler = CASES.resolve("bert-token-classification/model");
        try (BaseModel model = BaseModel.open(noPooler)) {
            Encoder encoder = model.encoder();
            assertThat(encoder.pools()).isFalse();
            assertThat(encoder.head().modules()).containsExactly("classifier", "pooler");
            assertThat(encoder.head().tensors(2).stream().map(TensorSpec::name))
                    .contains("bert.pooler.dense.weight", "bert.pooler.dense.bias");
            assertThat(encoder.layerIndex("bert.pooler.dense")).isEqualTo(encoder.headIndex());
            assertThat(model.notes()).singleElement().asString().contains("no pooler");
        }
        try (BaseModel model = BaseModel.open(noPooler, HeadInput.EVERY_TOKEN, Arithmetic.DEFAULT)) {
            assertThat(model.encoder().head().modules()).containsExactly("classifier");
            assertThat(model.notes()).isEmpty();
        }
    }
}
