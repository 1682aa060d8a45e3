package org.sparklora.worker.data;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.Serializable;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.sparklora.worker.contract.ForeignFile;

/**
 * All that an executor needs to build a tokenizer, without access to the model's files: the text of a
 * {@code tokenizer.json}.
 *
 * <p>Read on the driver from a Hugging Face directory: from {@code tokenizer.json}, or else made from the vocabulary's own files
 * as {@link TokenizerKind} says. What {@code tokenizer_config.json} says about lower case, accents, Chinese characters and the
 * space before a text wins over {@code tokenizer.json}, as in transformers. Added tokens are read from {@code
 * tokenizer_config.json} or {@code added_tokens.json}. Settings that change the tokens and cannot be followed are refused.
 */
public final class TokenizerSpec implements Serializable {

    /** Names of the files that tokenizers of all families are kept in; a model directory has some of them. */
    public static final List<String> FILES = List.of(
            "tokenizer.json",
            "tokenizer_config.json",
            "special_tokens_map.json",
            "added_tokens.json",
            "vocab.txt",
            "vocab.json",
            "merges.txt",
            "spm.model",
            "sentencepiece.bpe.model",
            "spiece.model");

    private static final long serialVersionUID = 1L;

    /** What to do about a tokenizer that only transformers can read. */
    static final String SAVE_JSON = "save it as a tokenizer.json: in Python, AutoTokenizer.from_pretrained(DIRECTORY)"
            + ".save_pretrained(DIRECTORY) with a fast tokenizer";

    /** One in this many tokens of a vocabulary with capitals makes a cased vocabulary; uncased ones have none but special tokens. */
    private static final int CASED = 100;

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
        Path ready = directory.resolve("tokenizer.json");
        ObjectNode json = object(ready);
        for (String what : List.of("padding", "truncation")) {
            String side = what + "_side";
            // A tokenizer.json has the side of its last use.
            String given =
                    config.path(side).asText(json.path(what).path("direction").asText(""));
            if (given.equalsIgnoreCase("left")) {
                throw new IOException(
                        "'" + (config.has(side) ? directory.resolve("tokenizer_config.json") : ready) + "' sets " + side
                                + " to left, but texts are padded and cut at the right, so the model would read other tokens;"
                                + " set " + side + " to right in tokenizer_config.json if the model was trained so");
            }
        }
        TokenizerSettings settings = new TokenizerSettings(
                config,
                object(directory.resolve("special_tokens_map.json")),
                object(directory.resolve("added_tokens.json")));
        return Files.exists(ready)
                ? fromJson(ready.toString(), json, settings, Optional.empty())
                : fromVocabulary(directory, settings);
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

    private static TokenizerSpec fromVocabulary(Path directory, TokenizerSettings settings) throws IOException {
        JsonNode config = settings.config();
        TokenizerKind kind = TokenizerKind.of(directory, config, object(directory.resolve("config.json")));
        refuse(directory, !config.path("do_basic_tokenize").asBoolean(true), "do_basic_tokenize is false");
        refuse(directory, !config.path("never_split").isEmpty(), "never_split is not empty");
        refuse(directory, !config.path("sp_model_kwargs").isEmpty(), "sp_model_kwargs is not empty");
        String source = kind.vocabulary(directory).toString();
        boolean withoutSpace = !config.path("add_prefix_space").asBoolean(true);
        refuse(directory, withoutSpace && source.endsWith(".model"), "add_prefix_space is false");
        return fromJson(source, VocabularyJson.of(kind, directory, settings), settings, Optional.of(kind));
    }

    /** Fails if a setting that cannot be followed is there. */
    static void refuse(Path directory, boolean condition, String setting) throws IOException {
        if (condition) {
            throw new IOException(setting + " in the tokenizer's files of '" + directory
                    + "', which changes the tokens and is not supported without a tokenizer.json that says the same; "
                    + SAVE_JSON);
        }
    }

    /** Finishes a tokenizer.json; one that was made from a vocabulary of some kind lacks its special tokens. */
    private static TokenizerSpec fromJson(
            String source, ObjectNode json, TokenizerSettings settings, Optional<TokenizerKind> made)
            throws IOException {
        try {
            TokenizerJson tokenizer = new TokenizerJson(source, json, settings, made);
            tokenizer.addTokens();
            tokenizer.override();
            String pad = tokenizer.padToken();
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

    /** A JSON file's object, empty where the file is absent. */
    static ObjectNode object(Path file) throws IOException {
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

    /** The text of a UTF-8 file. */
    static String text(Path file) throws IOException {
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes(file)))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new IOException("'" + file + "' is not UTF-8; copy the file again", e);
        }
    }

    /** The bytes of a file that is what its name says. */
    static byte[] bytes(Path file) throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        Optional<String> other = ForeignFile.of(bytes);
        if (other.isPresent()) {
            throw new IOException("'" + file + "': " + other.get());
        }
        return bytes;
    }
}
