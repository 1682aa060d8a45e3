package org.sparklora.worker.data;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.io.Serializable;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.sparklora.worker.contract.ForeignFile;

/**
 * All that an executor needs to build a tokenizer, without access to the model's files: the text of a
 * {@code tokenizer.json}.
 *
 * <p>Read on the driver from a Hugging Face directory: from {@code tokenizer.json}, or else generated from {@code vocab.txt} as
 * BERT's own tokenizer would behave, or from {@code vocab.json} and {@code merges.txt} as RoBERTa's. What {@code
 * tokenizer_config.json} says about lower case, accents, Chinese characters and the space before a text wins over {@code
 * tokenizer.json}, as in transformers. Added tokens are read from {@code tokenizer_config.json} or {@code added_tokens.json}.
 * Settings that change the tokens and cannot be followed are refused.
 */
public final class TokenizerSpec implements Serializable {

    private static final long serialVersionUID = 1L;

    /** What to do about a tokenizer that only transformers can read. */
    static final String SAVE_JSON = "save it as a tokenizer.json: in Python, AutoTokenizer.from_pretrained(DIRECTORY)"
            + ".save_pretrained(DIRECTORY) with a fast tokenizer";

    private static final String WORD_PIECE = "vocab.txt";
    private static final String BYTE_LEVEL = "vocab.json";
    private static final String SENTENCE_PIECE = "sentencepiece.bpe.model";

    /** One in this many tokens of a vocabulary with capitals makes a cased vocabulary; uncased ones have none but special tokens. */
    private static final int CASED = 100;

    /** Classes of transformers whose vocabularies are read here, without Fast. */
    private static final Map<String, String> KINDS = Map.of(
            "BertTokenizer", WORD_PIECE,
            "DistilBertTokenizer", WORD_PIECE,
            "ElectraTokenizer", WORD_PIECE,
            "RobertaTokenizer", BYTE_LEVEL);

    private final String source;
    private final String json;
    private final String padToken;
    private final int padTokenId;
    private final int vocabularySize;

    private TokenizerSpec(String source, String json, String padToken, int padTokenId, int vocabularySize) {
        this.source = source;
        this.json = json;
        this.padToken = padToken;
        this.padTokenId = padTokenId;
        this.vocabularySize = vocabularySize;
    }

    /** The tokenizer of a local Hugging Face directory. */
    public static TokenizerSpec read(Path directory) throws IOException {
        ObjectNode config = object(directory.resolve("tokenizer_config.json"));
        ObjectNode map = object(directory.resolve("special_tokens_map.json"));
        for (String side : List.of("padding_side", "truncation_side")) {
            if (config.path(side).asText("").equals("left")) {
                throw new IOException(
                        "'" + directory.resolve("tokenizer_config.json") + "' sets " + side + " to left, but"
                                + " texts are padded and cut at the right, so the model would read other tokens; set it to right"
                                + " if the model was trained so");
            }
        }
        ObjectNode added = object(directory.resolve("added_tokens.json"));
        Path ready = directory.resolve("tokenizer.json");
        if (Files.exists(ready)) {
            return fromJson(ready.toString(), object(ready), new Settings(config, map, added));
        }
        return fromVocabulary(directory, new Settings(config, map, added));
    }

    /**
     * A warning about a vocabulary that seems to know capital letters although texts are lower-cased, because nothing says
     * otherwise; empty if there is nothing to warn of.
     */
    public static Optional<String> caseWarning(Path directory) throws IOException {
        Path vocab = directory.resolve("vocab.txt");
        if (Files.exists(directory.resolve("tokenizer.json"))
                || !Files.exists(vocab)
                || object(directory.resolve("tokenizer_config.json")).has("do_lower_case")) {
            return Optional.empty();
        }
        List<String> tokens = lines(text(vocab));
        long capitals = tokens.stream()
                .filter(token -> !token.startsWith("[") && token.codePoints().anyMatch(Character::isUpperCase))
                .count();
        return capitals * CASED < tokens.size()
                ? Optional.empty()
                : Optional.of(
                        capitals + " of " + tokens.size() + " tokens in '" + vocab + "' have capital letters, but no"
                                + " tokenizer_config.json sets do_lower_case, so texts are lower-cased, as transformers does; if the"
                                + " model is cased, write {\"do_lower_case\": false} into tokenizer_config.json");
    }

    /**
     * What stands beside a tokenizer's main file.
     *
     * @param config tokenizer_config.json
     * @param map special_tokens_map.json
     * @param added added_tokens.json
     */
    private record Settings(ObjectNode config, ObjectNode map, ObjectNode added) {}

    private static TokenizerSpec fromVocabulary(Path directory, Settings settings) throws IOException {
        ObjectNode config = settings.config();
        String kind = vocabularyKind(directory, config);
        refuse(directory, !config.path("do_basic_tokenize").asBoolean(true), "do_basic_tokenize is false");
        refuse(directory, !config.path("never_split").isEmpty(), "never_split is not empty");
        Path words = directory.resolve("vocab.txt");
        Path pieces = directory.resolve("vocab.json");
        Path merges = directory.resolve("merges.txt");
        if (kind.equals(WORD_PIECE) && Files.exists(words)) {
            ObjectNode json = BertTokenizerJson.generate(words.toString(), lines(text(words)), config, settings.map());
            return fromJson(words.toString(), json, settings);
        }
        if (kind.equals(BYTE_LEVEL) && Files.exists(pieces) && Files.exists(merges)) {
            ObjectNode json = RobertaTokenizerJson.generate(
                    pieces.toString(), object(pieces), lines(text(merges)), config, settings.map());
            return fromJson(pieces.toString(), json, settings);
        }
        // Sentencepiece's own file is not read at all.
        String files = Map.of(WORD_PIECE, " nor vocab.txt", BYTE_LEVEL, " nor vocab.json and merges.txt")
                .getOrDefault(kind, "");
        throw new IOException("'" + directory + "' holds no tokenizer.json" + files
                + "; point model.path at a Hugging Face model directory with its tokenizer, or " + SAVE_JSON);
    }

    /** The kind of vocabulary that a tokenizer's class reads; the class follows from the model's type if no file names it. */
    private static String vocabularyKind(Path directory, ObjectNode config) throws IOException {
        ObjectNode model = object(directory.resolve("config.json"));
        String named = config.path("tokenizer_class")
                .asText(model.path("tokenizer_class").asText(""));
        String kind = KINDS.get(named.replaceFirst("Fast$", ""));
        refuse(directory, kind == null && !named.isEmpty(), "tokenizer_class is " + named);
        if (kind != null) {
            return kind;
        }
        String type = model.path("model_type").asText("bert");
        boolean words = Files.exists(directory.resolve(WORD_PIECE));
        boolean pieces = Files.exists(directory.resolve(BYTE_LEVEL));
        if (pieces && (type.equals("roberta") || !words)) {
            return BYTE_LEVEL;
        }
        return words || !type.equals("xlm-roberta") ? WORD_PIECE : SENTENCE_PIECE;
    }

    private static void refuse(Path directory, boolean condition, String setting) throws IOException {
        if (condition) {
            throw new IOException(setting + " in the tokenizer's files of '" + directory
                    + "', which changes the tokens and is not supported without a tokenizer.json that says the same; "
                    + SAVE_JSON);
        }
    }

    private static TokenizerSpec fromJson(String source, ObjectNode json, Settings settings) throws IOException {
        ObjectNode config = settings.config();
        ObjectNode map = settings.map();
        try {
            TokenizerJson tokenizer = new TokenizerJson(source, json);
            tokenizer.addTokens(config, map, settings.added());
            tokenizer.override(config);
            String pad = tokenizer.padToken(TokenizerJson.specialToken("pad_token", "", config, map));
            return new TokenizerSpec(source, tokenizer.text(), pad, tokenizer.id(pad), tokenizer.vocabularySize());
        } catch (RuntimeException e) {
            // A list where an object is needed, and the like: one message covers all of them.
            throw new IOException("'" + source + "' is not laid out as a tokenizer.json; copy the file again", e);
        }
    }

    /**
     * The same for texts that are cut into words already. A byte-level vocabulary knows a word by the space before it, so
     * each gets one, as transformers' {@code add_prefix_space} does.
     */
    public TokenizerSpec forWords() {
        ObjectNode changed = TokenizerJson.parse(json);
        TokenizerJson.setPrefixSpace(changed, true);
        return new TokenizerSpec(source, TokenizerJson.text(changed), padToken, padTokenId, vocabularySize);
    }

    /** The file it was read from. */
    public String source() {
        return source;
    }

    /** Id that fills a batch's shorter rows. */
    public int padTokenId() {
        return padTokenId;
    }

    /** Largest token id + 1: rows that the model's word embedding must have at least. */
    public int vocabularySize() {
        return vocabularySize;
    }

    /** Text of the tokenizer.json, without truncation or padding. */
    public String json() {
        return json;
    }

    /** The same that pads with the model's padding token: who serves the model pads each batch to its longest text. */
    public String jsonThatPads() {
        ObjectNode padded = TokenizerJson.parse(json);
        padded.putObject("padding")
                .put("strategy", "BatchLongest")
                .put("direction", "Right")
                .putNull("pad_to_multiple_of")
                .put("pad_id", padTokenId)
                .put("pad_type_id", 0)
                .put("pad_token", padToken);
        return TokenizerJson.text(padded);
    }

    @Override
    public boolean equals(Object o) {
        return o instanceof TokenizerSpec other && json.equals(other.json) && padTokenId == other.padTokenId;
    }

    @Override
    public int hashCode() {
        return json.hashCode();
    }

    @Override
    public String toString() {
        return "TokenizerSpec[" + source + ", vocabulary " + vocabularySize + "]";
    }

    /** Tokens of a vocab.txt, cut where Python's universal newlines cut: a vocabulary may hold U+2028 as a token. */
    static List<String> lines(String text) {
        return text.lines().toList();
    }

    /** A JSON file's object; empty where the file is absent. */
    private static ObjectNode object(Path file) throws IOException {
        if (!Files.exists(file)) {
            return JsonNodeFactory.instance.objectNode();
        }
        try {
            if (TokenizerJson.JSON.readTree(text(file)) instanceof ObjectNode json) {
                return json;
            }
        } catch (JsonProcessingException e) {
            throw new IOException("'" + file + "' is not JSON: " + e.getOriginalMessage() + "; copy the file again", e);
        }
        throw new IOException("'" + file + "' holds no JSON object; copy the file again");
    }

    private static String text(Path file) throws IOException {
        try (InputStream in = Files.newInputStream(file)) {
            Optional<String> other = ForeignFile.of(in.readNBytes(ForeignFile.BYTES));
            if (other.isPresent()) {
                throw new IOException("'" + file + "': " + other.get());
            }
            return Files.readString(file);
        } catch (CharacterCodingException e) {
            throw new IOException("'" + file + "' is not UTF-8; copy the file again", e);
        }
    }
}
