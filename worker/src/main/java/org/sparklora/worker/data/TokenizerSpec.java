package org.sparklora.worker.data;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.Serializable;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * All that an executor needs to build a tokenizer, without access to the model's files: the text of a
 * {@code tokenizer.json}.
 *
 * <p>Read on the driver from a Hugging Face directory: from {@code tokenizer.json}, or else generated from
 * {@code vocab.txt} as BERT's own tokenizer would behave. What {@code tokenizer_config.json} says about lower case,
 * accents and Chinese characters wins over {@code tokenizer.json}, as in transformers; without it a bare vocabulary is
 * lower-cased, which is transformers' default too.
 */
public final class TokenizerSpec implements Serializable {

    private static final long serialVersionUID = 1L;

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
        Path ready = directory.resolve("tokenizer.json");
        Path vocab = directory.resolve("vocab.txt");
        if (Files.exists(ready)) {
            return fromJson(ready.toString(), object(ready), config, map);
        }
        if (Files.exists(vocab)) {
            ObjectNode json = BertTokenizerJson.generate(vocab.toString(), lines(text(vocab)), config, map);
            return fromJson(vocab.toString(), json, config, map);
        }
        throw new IOException("'" + directory + "' holds neither tokenizer.json nor vocab.txt; point model.path at a "
                + "Hugging Face model directory with its tokenizer");
    }

    private static TokenizerSpec fromJson(String source, ObjectNode json, ObjectNode config, ObjectNode map)
            throws IOException {
        try {
            TokenizerJson tokenizer = new TokenizerJson(source, json);
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
        TokenizerJson.addPrefixSpace(changed);
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
        try {
            return Files.readString(file);
        } catch (CharacterCodingException e) {
            throw new IOException("'" + file + "' is not UTF-8; copy the file again", e);
        }
    }
}
