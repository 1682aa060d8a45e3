package org.sparklora.worker.data;

import java.io.IOException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ObjIntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * A file of the sentencepiece library: pieces of words with their scores, and a table that normalizes characters.
 *
 * <p>The file is a protobuf message ({@code sentencepiece_model.proto}). Only what a tokenizer.json says is read. Settings that a
 * tokenizer.json cannot express are refused. Bytes that stand for unknown characters ({@code byte_fallback}) are not used, as in
 * the fast tokenizers of transformers.
 */
final class SentencePieceModel {

    /** How texts are cut into pieces. */
    enum Algorithm {
        UNIGRAM,
        BPE
    }

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
    private long algorithm = 1;
    private long unknownId;
    private ByteBuffer charsMap = EMPTY;
    private String unreadable = "";

    private SentencePieceModel() {}

    /** Reads a file. */
    static SentencePieceModel read(Path file) throws IOException {
        SentencePieceModel model = new SentencePieceModel();
        try {
            fields(ByteBuffer.wrap(TokenizerSpec.bytes(file)), model::set);
        } catch (BufferUnderflowException | IllegalArgumentException | IndexOutOfBoundsException e) {
            throw new IOException("'" + file + "' is not a sentencepiece model; copy the file again", e);
        }
        if (model.pieces.isEmpty() || model.unknownId < 0 || model.unknownId >= model.pieces.size()) {
            throw new IOException("'" + file + "' has " + model.pieces.size() + " pieces and the unknown piece "
                    + model.unknownId + "; it is not a whole sentencepiece model, copy the file again");
        }
        if (model.algorithm != 1 && model.algorithm != 2) {
            model.unreadable = "model_type " + model.algorithm + " (neither unigram nor bpe)";
        }
        if (!model.unreadable.isEmpty()) {
            throw new IOException("'" + file + "' has " + model.unreadable
                    + ", which a tokenizer.json cannot express; use a model with another tokenizer");
        }
        return model;
    }

    private void set(Field field, int number) {
        if (number == 1) {
            pieces.add(piece(field.bytes()));
        } else if (number == 2) {
            fields(field.bytes(), this::setTrainer);
        } else if (number == 3) {
            fields(field.bytes(), this::setNormalizer);
        }
    }

    private void setTrainer(Field field, int number) {
        if (number == 3) {
            algorithm = field.value();
        } else if (number == 24 && field.value() != 0) {
            unreadable = "treat_whitespace_as_suffix";
        } else if (number == 40) {
            // A negative int32 has 64 bits in the file.
            unknownId = (int) field.value();
        }
    }

    private void setNormalizer(Field field, int number) {
        if (number == 2) {
            charsMap = field.bytes();
        } else if (number == 3 && field.value() == 0) {
            unreadable = "add_dummy_prefix: false";
        }
    }

    private static Piece piece(ByteBuffer bytes) {
        @Nullable Field[] all = new @Nullable Field[4];
        fields(bytes, (field, number) -> {
            if (number < all.length) {
                all[number] = field;
            }
        });
        return new Piece(
                all[1] == null
                        ? ""
                        : StandardCharsets.UTF_8.decode(all[1].bytes()).toString(),
                all[2] == null ? 0 : Float.intBitsToFloat((int) all[2].value()),
                all[3] == null ? 1 : (int) all[3].value());
    }

    List<Piece> pieces() {
        return pieces;
    }

    Algorithm algorithm() {
        return algorithm == 1 ? Algorithm.UNIGRAM : Algorithm.BPE;
    }

    /** Index of the piece that stands for unknown characters. */
    int unknownId() {
        return (int) unknownId;
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
    private record Field(long value, ByteBuffer bytes) {}

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
