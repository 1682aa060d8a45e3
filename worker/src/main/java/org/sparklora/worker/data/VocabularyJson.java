package org.sparklora.worker.data;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.sparklora.worker.data.SentencePieceModel.Piece;

/**
 * Writes the tokenizer.json that belongs to a vocabulary: what transformers' converters ({@code convert_slow_tokenizer}) make of
 * it. Special tokens are added by {@link TokenizerJson#frame}.
 */
final class VocabularyJson {

    /** Ids before those of the file, as fairseq gave them. Their scores are 0. */
    private static final Map<TokenizerKind, List<Piece>> FAIRSEQ = Map.of(
            TokenizerKind.XLM_ROBERTA,
            List.of(piece("<s>"), piece("<pad>"), piece("</s>"), piece("<unk>")),
            TokenizerKind.CAMEMBERT,
            List.of(
                    piece("<s>NOTUSED"),
                    piece("<pad>"),
                    piece("</s>NOTUSED"),
                    piece("<unk>"),
                    new Piece("<unk>NOTUSED", -100, 1)));

    /** The unknown token in both. */
    private static final int FAIRSEQ_UNKNOWN = 3;

    private VocabularyJson() {}

    /** The JSON. */
    static ObjectNode of(TokenizerKind kind, Path directory, TokenizerSettings settings) throws IOException {
        ObjectNode json = kind.template();
        Path file = kind.vocabulary(directory);
        ObjectNode model = (ObjectNode) json.get("model");
        switch (kind) {
            case BERT, MPNET -> {
                wordPiece((ObjectNode) model.get("vocab"), TokenizerSpec.lines(TokenizerSpec.text(file)));
                model.put("unk_token", kind.specialTokens(settings).get("unk_token"));
            }
            case ROBERTA, MODERNBERT -> {
                model.set("vocab", TokenizerSpec.object(file));
                TokenizerSpec.lines(TokenizerSpec.text(directory.resolve("merges.txt"))).stream()
                        .filter(line -> !line.isEmpty() && !line.startsWith("#version"))
                        .forEach(((ArrayNode) model.get("merges"))::add);
                if (kind == TokenizerKind.MODERNBERT) {
                    json.putObject("normalizer").put("type", "NFC");
                }
            }
            case DEBERTA_V2, XLM_ROBERTA, CAMEMBERT -> {
                SentencePieceModel pieces = SentencePieceModel.read(file);
                sentencePiece(json, kind, vocabulary(kind, file, pieces.pieces()), pieces);
                normalize(json, kind, pieces, settings.config());
            }
        }
        return json;
    }

    /** A token's id is its line, counted from 0. A token that occurs twice has its last id, as in a Python dict. */
    private static void wordPiece(ObjectNode vocab, List<String> lines) {
        for (int id = 0; id < lines.size(); id++) {
            vocab.put(lines.get(id), id);
        }
    }

    private static Piece piece(String text) {
        return new Piece(text, 0, 1);
    }

    /** The pieces by id. Fairseq put its own special tokens in place of the file's first ones, and the mask after the last. */
    private static List<Piece> vocabulary(TokenizerKind kind, Path file, List<Piece> ofFile) throws IOException {
        List<Piece> before = FAIRSEQ.get(kind);
        if (before == null) {
            return ofFile;
        }
        int replaced = kind == TokenizerKind.CAMEMBERT ? 1 : 3;
        List<String> first =
                ofFile.stream().limit(replaced).map(Piece::text).sorted().toList();
        if (!first.equals(List.of("</s>", "<s>", "<unk>").subList(3 - replaced, 3))) {
            throw new IOException(
                    "'" + file + "' begins with " + first + " instead of <unk>, <s> and </s>; it is not the"
                            + " vocabulary of this model, copy the file again");
        }
        List<Piece> all = new ArrayList<>(before);
        all.addAll(ofFile.subList(replaced, ofFile.size()));
        all.add(piece("<mask>"));
        return all;
    }

    private static void sentencePiece(
            ObjectNode json, TokenizerKind kind, List<Piece> vocabulary, SentencePieceModel ofFile) {
        ObjectNode model = json.putObject("model");
        int unknown = kind == TokenizerKind.DEBERTA_V2 ? ofFile.unknownId() : FAIRSEQ_UNKNOWN;
        Map<String, Integer> ids = new HashMap<>();
        for (int id = 0; id < vocabulary.size(); id++) {
            ids.put(vocabulary.get(id).text(), id);
        }
        if (ofFile.isUnigram()) {
            model.put("type", "Unigram").put("unk_id", unknown).put("byte_fallback", false);
            ArrayNode vocab = model.putArray("vocab");
            // As a double, since a reader makes 64 bits of the digits.
            vocabulary.forEach(piece -> vocab.addArray().add(piece.text()).add((double) piece.score()));
        } else {
            model.put("type", "BPE")
                    .put("unk_token", vocabulary.get(unknown).text())
                    .put("fuse_unk", true)
                    .put("byte_fallback", false)
                    .set("vocab", TokenizerJson.JSON.valueToTree(ids));
            merges(model.putArray("merges"), vocabulary, ids);
        }
        ArrayNode added = (ArrayNode) json.get("added_tokens");
        for (Piece piece : ofFile.pieces()) {
            boolean control = piece.type() == SentencePieceModel.CONTROL;
            if (control || piece.type() == SentencePieceModel.USER_DEFINED) {
                int id = Objects.requireNonNull(ids.get(piece.text()), piece.text());
                added.add(TokenizerJson.token(id, piece.text(), control).put("normalized", false));
            }
        }
    }

    /** Each way to cut a piece into two: the likeliest piece first, and of one piece the longest first part first. */
    private static void merges(ArrayNode merges, List<Piece> vocabulary, Map<String, Integer> ids) {
        List<Piece> byScore = vocabulary.stream()
                .sorted(Comparator.comparingDouble(Piece::score).reversed())
                .toList();
        for (Piece piece : byScore) {
            String text = piece.text();
            for (int cut = text.length() - 1; cut > 0; cut--) {
                if (ids.containsKey(text.substring(0, cut)) && ids.containsKey(text.substring(cut))) {
                    merges.addArray().add(text.substring(0, cut)).add(text.substring(cut));
                }
            }
        }
    }

    private static void normalize(ObjectNode json, TokenizerKind kind, SentencePieceModel model, JsonNode config) {
        boolean deberta = kind == TokenizerKind.DEBERTA_V2;
        ArrayNode normalizers = (ArrayNode) json.get("normalizer").get("normalizers");
        if (model.charsMap().hasRemaining()) {
            byte[] table = new byte[model.charsMap().remaining()];
            model.charsMap().get(table);
            // DeBERTa's texts are stripped before.
            normalizers
                    .insertObject(deberta ? 1 : 0)
                    .put("type", "Precompiled")
                    .put("precompiled_charsmap", Base64.getEncoder().encodeToString(table));
        }
        if (deberta && config.path("do_lower_case").asBoolean()) {
            normalizers.insertObject(0).put("type", "Lowercase");
        }
        if (deberta && config.path("split_by_punct").asBoolean()) {
            ((ArrayNode) json.get("pre_tokenizer").get("pretokenizers"))
                    .insertObject(0)
                    .put("type", "Punctuation")
                    .put("behavior", "Isolated");
        }
    }
}
