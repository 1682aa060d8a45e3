package org.sparklora.worker.data;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The tokenizers of transformers that can be built from vocabulary files, for directories without a {@code tokenizer.json}.
 *
 * <p>A directory's kind depends on its files alone: the class that {@code tokenizer_config.json} or {@code config.json} names,
 * else the model type of {@code config.json} if the files of its kind are there, else the files.
 */
enum TokenizerKind {
    BERT("bert", "bert", "bert distilbert electra", "BertTokenizer DistilBertTokenizer ElectraTokenizer", "vocab.txt"),
    MPNET("bert", "roberta", "mpnet", "MPNetTokenizer", "vocab.txt"),
    ROBERTA("roberta", "roberta", "roberta", "RobertaTokenizer", "vocab.json merges.txt"),
    /** RoBERTa's bytes in Unicode's normal form C, with BERT's special tokens. Transformers has no class for it. */
    MODERNBERT("roberta", "bert", "modernbert", "", "vocab.json merges.txt"),
    DEBERTA_V2("deberta-v2", "bert", "deberta-v2", "DebertaV2Tokenizer", "spm.model"),
    XLM_ROBERTA("xlm-roberta", "roberta", "xlm-roberta", "XLMRobertaTokenizer", "sentencepiece.bpe.model"),
    CAMEMBERT("xlm-roberta", "roberta", "camembert", "CamembertTokenizer", "sentencepiece.bpe.model");

    /** Classes that stand for any tokenizer.json. */
    private static final List<String> OF_JSON =
            List.of("PreTrainedTokenizer", "PreTrainedTokenizerFast", "TokenizersBackend");

    private final String template;
    private final String frame;
    private final String modelTypes;
    private final String classes;
    private final String files;

    /** Lists are words. */
    TokenizerKind(String template, String frame, String modelTypes, String classes, String files) {
        this.template = template;
        this.frame = frame;
        this.modelTypes = modelTypes;
        this.classes = classes;
        this.files = files;
    }

    private static List<String> words(String list) {
        return List.of(list.split(" ", -1));
    }

    /**
     * The kind of a directory without tokenizer.json, whose files are there.
     *
     * @param config tokenizer_config.json, may be empty
     * @param model config.json, may be empty
     */
    static TokenizerKind of(Path directory, JsonNode config, JsonNode model) throws IOException {
        String named = config.path("tokenizer_class")
                .asText(model.path("tokenizer_class").asText(""));
        if (OF_JSON.contains(named)) {
            throw new IOException("'" + directory + "' holds no tokenizer.json, in which a " + named
                    + " keeps all it does; copy the model's tokenizer.json");
        }
        Optional<TokenizerKind> ofClass = Arrays.stream(values())
                .filter(kind -> words(kind.classes).contains(named.replaceFirst("Fast$", "")))
                .filter(kind -> !named.isEmpty())
                .findFirst();
        TokenizerSpec.refuse(directory, ofClass.isEmpty() && !named.isEmpty(), "tokenizer_class is " + named);
        String type = model.path("model_type").asText("bert");
        Optional<TokenizerKind> ofType = Arrays.stream(values())
                .filter(kind -> words(kind.modelTypes).contains(type))
                .findFirst();
        Stream<TokenizerKind> candidates =
                ofClass.isPresent() ? ofClass.stream() : Stream.concat(ofType.stream(), Stream.of(BERT, ROBERTA));
        return candidates
                .filter(kind -> words(kind.files).stream().allMatch(file -> Files.exists(directory.resolve(file))))
                .findFirst()
                .orElseThrow(() -> new IOException("'" + directory + "' holds no tokenizer.json"
                        + ofClass.or(() -> ofType)
                                .map(kind -> " nor " + String.join(" and ", words(kind.files)))
                                .orElse("")
                        + (named.isEmpty() ? "" : ", the vocabulary of its tokenizer_class " + named)
                        + "; point model.path at a Hugging Face model directory with its tokenizer, or "
                        + TokenizerSpec.SAVE_JSON));
    }

    /** The file of the vocabulary in a directory. */
    Path vocabulary(Path directory) {
        return directory.resolve(words(files).get(0));
    }

    /**
     * The tokenizer.json without vocabulary. Its post-processor has {@code [CLS]} and {@code [SEP]} in place of the model's own
     * special tokens, or none.
     */
    ObjectNode template() throws IOException {
        ObjectNode json = resource(template);
        json.set("post_processor", resource(frame).get("post_processor"));
        return json;
    }

    private static ObjectNode resource(String name) throws IOException {
        return (ObjectNode)
                TokenizerJson.JSON.readTree(TokenizerKind.class.getResourceAsStream(name + "-tokenizer.json"));
    }

    /** The special tokens, by their key in tokenizer_config.json. */
    Map<String, String> specialTokens(TokenizerSettings settings) {
        boolean bert = frame.equals("bert");
        Map<String, String> names = new LinkedHashMap<>();
        names.put("pad_token", bert ? "[PAD]" : "<pad>");
        names.put("unk_token", bert || this == MPNET ? "[UNK]" : "<unk>");
        names.put("cls_token", bert ? "[CLS]" : "<s>");
        names.put("sep_token", bert ? "[SEP]" : "</s>");
        names.put("mask_token", bert ? "[MASK]" : "<mask>");
        names.replaceAll(settings::specialToken);
        return names;
    }

    /** Whether the mask stands for a word with the space before it. */
    boolean maskTakesSpace() {
        return this != BERT && this != DEBERTA_V2;
    }

    /** Whether a mask that the vocabulary lacks is a token after its last one: DeBERTa-v3 has it so. */
    boolean addsMask() {
        return this == DEBERTA_V2;
    }
}
