package org.sparklora.worker.data;

import java.io.IOException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ObjIntConsumer;

/**
 * A file of the sentencepiece library: pieces of words with their scores, and a table that normalizes characters.
 *
 * <p>The file is a protobuf message ({@code sentencepiece_model.proto}). Only what a tokenizer.json says is read. Settings that a
 * tokenizer.json cannot express are refused. Bytes that stand for unknown characters ({@code byte_fallback}) are not used, as in
 * the fast tokenizers of transformers.
 */
final class SentencePieceModel {

    /** A piece with a meaning of its own, such as [CLS]: not found in texts by the algorithm. */
    static final int CONTROL = 3;

    /** A piece that is never cut. */
    static final int USER_DEFINED = 4;

    /**
     * A piece.
     *
     * @param text where ▁ is a space
     * @param score logarithm of its probability, or minus its rank as a merge
     * @param type 1 normal, 2 unknown, {@link #CONTROL}, {@link #USER_DEFINED}, 5 unused, 6 byte
     */
    record Piece(String text, float score, int type) {}

    private static final ByteBuffer EMPTY = ByteBuffer.allocate(0);

    private final List<Piece> pieces = new ArrayList<>();
    private final long algorithm;
    private final int unknownId;
    private final ByteBuffer charsMap;

    /** What a tokenizer.json cannot express; empty if it can express all. */
    private final String unreadable;

    private SentencePieceModel(ByteBuffer file) {
        Map<Integer, Field> sections = new HashMap<>();
        fields(file, (field, number) -> {
            if (number == 1) {
                pieces.add(piece(message(field)));
            } else {
                sections.put(number, field);
            }
        });
        Map<Integer, Field> trainer = message(sections.getOrDefault(2, Field.ABSENT));
        Map<Integer, Field> normalizer = message(sections.getOrDefault(3, Field.ABSENT));
        algorithm = number(trainer, 3, 1);
        // A negative int32 has 64 bits in the file.
        unknownId = (int) number(trainer, 40, 0);
        charsMap = normalizer.getOrDefault(2, Field.ABSENT).bytes();
        if (algorithm != 1 && algorithm != 2) {
            unreadable = "model_type " + algorithm + " (neither unigram nor bpe)";
        } else if (number(trainer, 24, 0) != 0) {
            unreadable = "treat_whitespace_as_suffix";
        } else {
            unreadable = number(normalizer, 3, 1) == 0 ? "add_dummy_prefix: false" : "";
        }
    }

    /** Reads a file. */
    static SentencePieceModel read(Path file) throws IOException {
        SentencePieceModel model;
        try {
            model = new SentencePieceModel(ByteBuffer.wrap(TokenizerSpec.bytes(file)));
        } catch (BufferUnderflowException | IllegalArgumentException | IndexOutOfBoundsException e) {
            throw new IOException("'" + file + "' is not a sentencepiece model; copy the file again", e);
        }
        if (model.pieces.isEmpty() || model.unknownId < 0 || model.unknownId >= model.pieces.size()) {
            throw new IOException("'" + file + "' has " + model.pieces.size() + " pieces and the unknown piece "
                    + model.unknownId + "; it is not a whole sentencepiece model, copy the file again");
        }
        if (!model.unreadable.isEmpty()) {
            throw new IOException("'" + file + "' has " + model.unreadable
                    + ", which a tokenizer.json cannot express; use a model with another tokenizer");
        }
        return model;
    }

    private static Piece piece(Map<Integer, Field> of) {
        return new Piece(
                StandardCharsets.UTF_8
                        .decode(of.getOrDefault(1, Field.ABSENT).bytes())
                        .toString(),
                Float.intBitsToFloat((int) number(of, 2, 0)),
                (int) number(of, 3, 1));
    }

    List<Piece> pieces() {
        return pieces;
    }

    /** Whether texts are cut by the likelihood of their pieces; else by merges (BPE). */
    boolean isUnigram() {
        return algorithm == 1;
    }

    /** Index of the piece that stands for unknown characters. */
    int unknownId() {
        return unknownId;
    }

    /** The table that normalizes characters; empty if the model has no table. The caller must not write to it. */
    ByteBuffer charsMap() {
        return charsMap.duplicate();
    }

    /**
     * A field of a message.
     *
     * @param value of a number
     * @param bytes of a text or a message
     */
    private record Field(long value, ByteBuffer bytes) {

        static final Field ABSENT = new Field(0, EMPTY);
    }

    /** The fields of a message by number; of several with one number the last. */
    private static Map<Integer, Field> message(Field field) {
        Map<Integer, Field> message = new HashMap<>();
        fields(field.bytes(), (inner, number) -> message.put(number, inner));
        return message;
    }

    private static long number(Map<Integer, Field> message, int number, long defaultValue) {
        return message.getOrDefault(number, new Field(defaultValue, EMPTY)).value();
    }

    /** Passes on each field of a message with its number. */
    private static void fields(ByteBuffer message, ObjIntConsumer<Field> each) {
        ByteBuffer in = message.duplicate().order(ByteOrder.LITTLE_ENDIAN);
        while (in.hasRemaining()) {
            int key = Math.toIntExact(varint(in));
            Field field = switch (key & 7) {
                case 0 -> new Field(varint(in), EMPTY);
                case 1 -> new Field(in.getLong(), EMPTY);
                case 2 -> {
                    int length = (int) Math.min(varint(in), Integer.MAX_VALUE);
                    ByteBuffer bytes = in.slice(in.position(), length);
                    in.position(in.position() + length);
                    yield new Field(0, bytes);
                }
                case 5 -> new Field(in.getInt(), EMPTY);
                default -> throw new IllegalArgumentException("wire type " + (key & 7));
            };
            each.accept(field, key >>> 3);
        }
    }

    private static long varint(ByteBuffer in) {
        long value = 0;
        for (int shift = 0; shift < 64; shift += 7) {
            byte next = in.get();
            value |= (next & 0x7FL) << shift;
            if (next >= 0) {
                return value;
            }
        }
        throw new IllegalArgumentException("a number of more than 64 bits");
    }
}
