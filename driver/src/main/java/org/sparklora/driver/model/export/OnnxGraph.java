package org.sparklora.driver.model.export;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.function.ToLongFunction;
import org.sparklora.driver.job.text.ProtocolBuffer;
import org.sparklora.worker.safetensors.DType;
import org.sparklora.worker.safetensors.HalfFloats;

/**
 * An ONNX model (onnx.proto, IR version 8, opset 17) as it is built: nodes in order, constants, weights by name. Weights are written
 * as they come, after everything that is small; if all together pass what a protocol buffer can hold, into a file of their own.
 */
final class OnnxGraph {

    /** Element types of onnx.proto. */
    enum ElementType {
        FLOAT(1, 4),
        INT64(7, 8),
        BOOL(9, 1),
        FLOAT16(10, 2);

        final int code;
        final int bytes;

        ElementType(int code, int bytes) {
            this.code = code;
            this.bytes = bytes;
        }

        boolean isFloat() {
            return this == FLOAT || this == FLOAT16;
        }

        static ElementType of(DType dtype) {
            return dtype == DType.F16 ? FLOAT16 : FLOAT;
        }
    }

    /**
     * A tensor of the graph.
     *
     * @param rank number of dimensions
     */
    record Tensor(String name, ElementType type, int rank) {}

    private static final int IR_VERSION = 8;
    private static final int OPSET = 17;

    private final ProtocolBuffer nodes = new ProtocolBuffer();
    private final ProtocolBuffer interfaces = new ProtocolBuffer();
    private final Map<String, Tensor> constants = new LinkedHashMap<>();
    private final ProtocolBuffer small = new ProtocolBuffer();
    private final Map<String, List<Integer>> weights = new LinkedHashMap<>();
    private final ElementType weightType;
    private int count;

    /** Writes the values of a weight, little-endian, row-major. */
    interface Weights {
        void write(String name, OutputStream out) throws IOException;
    }

    OnnxGraph(ElementType weightType) {
        this.weightType = weightType;
    }

    /** An input of int64 [batch, sequence]. */
    Tensor input(String name) {
        interfaces.message(11, valueInfo(name, ElementType.INT64, dimension("batch"), dimension("sequence")));
        return new Tensor(name, ElementType.INT64, 2);
    }

    /** The output [batch, width]. */
    void output(Tensor from, String name, int width) {
        node("Identity", List.of(from.name()), List.of(name), Map.of());
        interfaces.message(12, valueInfo(name, from.type(), dimension("batch"), new ProtocolBuffer().whole(1, width)));
    }

    private static ProtocolBuffer dimension(String name) {
        return new ProtocolBuffer().text(2, name);
    }

    private static ProtocolBuffer valueInfo(String name, ElementType type, ProtocolBuffer... dimensions) {
        ProtocolBuffer shape = new ProtocolBuffer();
        Arrays.stream(dimensions).forEach(dimension -> shape.message(1, dimension));
        ProtocolBuffer tensor = new ProtocolBuffer().whole(1, type.code).message(2, shape);
        return new ProtocolBuffer().text(1, name).message(2, new ProtocolBuffer().message(1, tensor));
    }

    /** A weight. */
    Tensor weight(String name, List<Integer> shape) {
        weights.put(name, shape);
        return new Tensor(name, weightType, shape.size());
    }

    /** Whole numbers [n], or one without dimensions. */
    Tensor whole(int rank, long... values) {
        ByteBuffer bytes = ByteBuffer.allocate(Long.BYTES * values.length).order(ByteOrder.LITTLE_ENDIAN);
        Arrays.stream(values).forEach(bytes::putLong);
        return constant(ElementType.INT64, rank, values.length, bytes.array(), Arrays.toString(values));
    }

    /** Numbers [n], or one without dimensions. */
    Tensor number(ElementType type, int rank, double... values) {
        ByteBuffer bytes = ByteBuffer.allocate(type.bytes * values.length).order(ByteOrder.LITTLE_ENDIAN);
        for (double value : values) {
            if (type == ElementType.FLOAT16) {
                bytes.putShort(HalfFloats.toF16(value));
            } else {
                bytes.putFloat((float) value);
            }
        }
        return constant(type, rank, values.length, bytes.array(), Arrays.toString(values));
    }

    private Tensor constant(ElementType type, int rank, int length, byte[] bytes, String values) {
        return constants.computeIfAbsent(type + " " + rank + " " + values, key -> {
            String name = "constant_" + constants.size();
            ProtocolBuffer tensor = new ProtocolBuffer();
            if (rank == 1) {
                tensor.whole(1, length);
            }
            small.message(5, tensor.whole(2, type.code).text(8, name).bytes(9, bytes));
            return new Tensor(name, type, rank);
        });
    }

    /** A node with one output. */
    Tensor node(String operator, ElementType type, int rank, Map<String, ?> attributes, Tensor... inputs) {
        return nodes(operator, 1, type, rank, attributes, inputs).get(0);
    }

    /** A node with several outputs of one type and rank. */
    List<Tensor> nodes(
            String operator, int outputs, ElementType type, int rank, Map<String, ?> attributes, Tensor... inputs) {
        List<Tensor> results = new ArrayList<>();
        for (int i = 0; i < outputs; i++) {
            results.add(new Tensor(operator + "_" + count++, type, rank));
        }
        node(
                operator,
                Arrays.stream(inputs).map(Tensor::name).toList(),
                results.stream().map(Tensor::name).toList(),
                attributes);
        return results;
    }

    private void node(String operator, List<String> inputs, List<String> outputs, Map<String, ?> attributes) {
        ProtocolBuffer node = new ProtocolBuffer();
        inputs.forEach(input -> node.text(1, input));
        outputs.forEach(output -> node.text(2, output));
        node.text(3, outputs.get(0)).text(4, operator);
        attributes.forEach((name, value) -> node.message(5, attribute(name, value)));
        nodes.message(1, node);
    }

    private static ProtocolBuffer attribute(String name, Object value) {
        ProtocolBuffer attribute = new ProtocolBuffer().text(1, name);
        if (value instanceof Float number) {
            return attribute.number(2, number).whole(20, 1);
        }
        if (value instanceof long[] list) {
            Arrays.stream(list).forEach(item -> attribute.whole(8, item));
            return attribute.whole(20, 7);
        }
        return attribute.whole(3, ((Number) value).longValue()).whole(20, 2);
    }

    private long bytes(String weight) {
        return Objects.requireNonNull(weights.get(weight)).stream()
                .mapToLong(Integer::longValue)
                .reduce(weightType.bytes, (a, b) -> a * b);
    }

    /** Bytes of all weights. */
    long weightBytes() {
        return weights.keySet().stream().mapToLong(this::bytes).sum();
    }

    /** Writes the whole model. */
    void write(OutputStream out, Weights values) throws IOException {
        write(out, name -> new ProtocolBuffer().begin(9, bytes(name)).toBytes(), this::bytes, values);
    }

    /** Writes the model without its weights, which {@link #writeWeights} writes into a file beside it. */
    void write(OutputStream out, String file) throws IOException {
        long[] offset = new long[1];
        Function<String, byte[]> place = name -> {
            ProtocolBuffer tensor = new ProtocolBuffer();
            Map<String, Object> where = new LinkedHashMap<>();
            where.put("location", file);
            where.put("offset", offset[0]);
            where.put("length", bytes(name));
            where.forEach((key, value) ->
                    tensor.message(13, new ProtocolBuffer().text(1, key).text(2, String.valueOf(value))));
            offset[0] += bytes(name);
            return tensor.whole(14, 1).toBytes();
        };
        write(out, place, name -> 0, (name, to) -> {});
    }

    /** Writes the weights one after the other. */
    void writeWeights(OutputStream out, Weights values) throws IOException {
        for (String name : weights.keySet()) {
            values.write(name, out);
        }
    }

    /**
     * Writes lengths before what they belong to, and never holds two weights.
     *
     * @param place the last field of a weight: the beginning of its values, or where they are
     * @param within bytes of values that follow it
     */
    private void write(OutputStream out, Function<String, byte[]> place, ToLongFunction<String> within, Weights values)
            throws IOException {
        Map<String, byte[]> heads = new LinkedHashMap<>();
        long length = 0;
        for (Map.Entry<String, List<Integer>> weight : weights.entrySet()) {
            ProtocolBuffer tensor = new ProtocolBuffer();
            weight.getValue().forEach(dimension -> tensor.whole(1, dimension));
            tensor.whole(2, weightType.code).text(8, weight.getKey()).bytes(place.apply(weight.getKey()));
            byte[] fields = tensor.toBytes();
            byte[] head = new ProtocolBuffer()
                    .begin(5, fields.length + within.applyAsLong(weight.getKey()))
                    .bytes(fields)
                    .toBytes();
            heads.put(weight.getKey(), head);
            length += head.length + within.applyAsLong(weight.getKey());
        }
        byte[] rest = nodes.text(2, "spark-lora")
                .bytes(small.toBytes())
                .bytes(interfaces.toBytes())
                .toBytes();
        out.write(new ProtocolBuffer()
                .whole(1, IR_VERSION)
                .text(2, "spark-lora")
                .message(8, new ProtocolBuffer().whole(2, OPSET))
                .begin(7, rest.length + length)
                .bytes(rest)
                .toBytes());
        for (Map.Entry<String, byte[]> weight : heads.entrySet()) {
            out.write(weight.getValue());
            values.write(weight.getKey(), out);
        }
    }
}
