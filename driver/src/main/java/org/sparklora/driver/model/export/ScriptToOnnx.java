package org.sparklora.driver.model.export;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.model.export.OnnxGraph.ElementType;
import org.sparklora.driver.model.export.OnnxGraph.Tensor;
import org.sparklora.driver.model.export.ScriptSource.Call;
import org.sparklora.driver.model.export.ScriptSource.Expression;
import org.sparklora.driver.model.export.ScriptSource.Items;
import org.sparklora.driver.model.export.ScriptSource.Literal;
import org.sparklora.driver.model.export.ScriptSource.Method;
import org.sparklora.driver.model.export.ScriptSource.Name;
import org.sparklora.driver.model.export.ScriptSource.Statement;

/**
 * Makes an ONNX graph of the TorchScript source of an encoder, operator by operator, so that both formats have one description. A
 * call of a method becomes its statements.
 *
 * <p>Types: a Linear computes in the type of its weights. Layer normalization, softmax, masks and positions are float32, and where
 * both types meet the result is float32, as in PyTorch. A size is a tensor of one whole number; {@code torch.size(x)} is the list.
 */
final class ScriptToOnnx {

    private final Map<String, Method> methods;
    private final OnnxGraph graph;
    private final Map<String, Tensor> weights;

    /** Transposed weights of Linears, by name: some are used twice. */
    private final Map<String, Tensor> transposed = new HashMap<>();

    /** @param weights by the attributes of the module */
    ScriptToOnnx(Map<String, Method> methods, OnnxGraph graph, Map<String, Tensor> weights) {
        this.methods = methods;
        this.graph = graph;
        this.weights = weights;
    }

    /** The result of a method for these arguments, tensors in the order of its parameters. */
    Tensor run(String name, List<Object> arguments) {
        Method method = Objects.requireNonNull(methods.get(name), name);
        Map<String, Object> variables = new HashMap<>();
        for (int i = 0; i < arguments.size(); i++) {
            variables.put(method.parameters().get(i), arguments.get(i));
        }
        for (Statement statement : method.body()) {
            Object value = value(statement.value(), variables);
            if (statement.targets().isEmpty()) {
                return (Tensor) value;
            }
            List<?> parts = statement.targets().size() == 1 ? List.of(value) : (List<?>) value;
            for (int i = 0; i < parts.size(); i++) {
                variables.put(statement.targets().get(i), parts.get(i));
            }
        }
        throw new IllegalStateException(name + " returns nothing");
    }

    /** A Tensor, a List, a Long, a Double, a Boolean, a String, or NONE. */
    private Object value(Expression expression, Map<String, Object> variables) {
        if (expression instanceof Literal literal) {
            return literal.value() == null ? NONE : literal.value();
        }
        if (expression instanceof Items items) {
            return items.items().stream().map(item -> value(item, variables)).toList();
        }
        if (expression instanceof Name name) {
            return name.text().startsWith("self.")
                    ? Objects.requireNonNull(weights.get(name.text().substring(5)), name.text())
                    : Objects.requireNonNull(variables.get(name.text()), name.text());
        }
        Call call = (Call) expression;
        List<Object> arguments = new ArrayList<>();
        call.arguments().forEach(argument -> arguments.add(value(argument, variables)));
        String function = call.function().substring(call.function().indexOf('.') + 1);
        if (call.function().startsWith("self.")) {
            return run(function, arguments);
        }
        Expression approximate = call.named().get("approximate");
        if (approximate != null) {
            arguments.add(value(approximate, variables));
        }
        return torch(function, arguments);
    }

    private static final Object NONE = new Object();

    private Object torch(String function, List<Object> a) {
        return switch (function) {
            case "size" -> a.size() == 1 ? sizes(tensor(a, 0)) : size(tensor(a, 0), whole(a, 1));
            case "arange" -> arange(tensor(a, 0));
            case "embedding" -> gather(tensor(a, 0), tensor(a, 1), 0);
            case "select" -> gather(tensor(a, 0), graph.whole(0, whole(a, 2)), whole(a, 1));
            case "gather" -> of("GatherElements", tensor(a, 0), Map.of("axis", whole(a, 1)), tensor(a, 2));
            case "linear" -> linear(tensor(a, 0), tensor(a, 1), a.size() > 2 ? tensor(a, 2) : null);
            case "layer_norm" -> layerNorm(a);
            case "gelu" -> gelu(tensor(a, 0), (String) a.get(1));
            case "scaled_dot_product_attention" -> attention(tensor(a, 0), tensor(a, 1), tensor(a, 2), tensor(a, 3));
            case "softmax" -> of("Softmax", float32(tensor(a, 0)), Map.of("axis", whole(a, 1)));
            case "matmul" -> both("MatMul", a);
            case "add" -> both("Add", a);
            case "sub" -> both("Sub", a);
            case "mul" -> both("Mul", a);
            case "div" -> both("Div", a);
            case "minimum" -> both("Min", a);
            case "clamp_max" -> both("Min", a);
            case "clamp" ->
                a.size() == 2 ? both("Max", a) : both("Min", List.of(both("Max", a.subList(0, 2)), a.get(2)));
            case "eq" -> compared("Equal", a);
            case "gt" -> compared("Greater", a);
            case "lt" -> compared("Less", a);
            case "le" -> compared("LessOrEqual", a);
            case "ne" -> of("Not", compared("Equal", a), Map.of());
            case "where" -> where(tensor(a, 0), a.subList(1, 3));
            case "abs" -> of("Abs", tensor(a, 0), Map.of());
            case "ceil" -> of("Ceil", tensor(a, 0), Map.of());
            case "sign" -> of("Sign", tensor(a, 0), Map.of());
            case "log" -> of("Log", tensor(a, 0), Map.of());
            case "cos" -> of("Cos", tensor(a, 0), Map.of());
            case "sin" -> of("Sin", tensor(a, 0), Map.of());
            case "tanh" -> of("Tanh", tensor(a, 0), Map.of());
            case "relu" -> of("Relu", tensor(a, 0), Map.of());
            case "cumsum" -> of("CumSum", tensor(a, 0), Map.of(), graph.whole(0, whole(a, 1)));
            case "sum" -> ranked("ReduceSum", tensor(a, 0), -1, Map.of("keepdims", 0), shape(a.get(1)));
            case "to" ->
                cast(tensor(a, 0), a.get(1) instanceof Long code && code == 4 ? ElementType.INT64 : ElementType.FLOAT);
            case "full" -> graph.number(ElementType.FLOAT, 1, ((Number) a.get(1)).doubleValue());
            case "tensor" ->
                graph.number(
                        ElementType.FLOAT,
                        1,
                        list(a.get(0)).stream().mapToDouble(ScriptToOnnx::real).toArray());
            case "outer" -> both("Mul", List.of(unsqueeze(tensor(a, 0), 1), unsqueeze(tensor(a, 1), 0)));
            case "contiguous" -> tensor(a, 0);
            case "reshape" -> reshape(tensor(a, 0), a.get(1));
            case "expand" -> expand(tensor(a, 0), a.get(1));
            case "transpose" -> permute(tensor(a, 0), swapped(tensor(a, 0).rank(), whole(a, 1), whole(a, 2)));
            case "permute" ->
                permute(
                        tensor(a, 0),
                        list(a.get(1)).stream().mapToLong(axis -> (Long) axis).toArray());
            case "slice" ->
                of("Slice", tensor(a, 0), Map.of(), shape(a.get(2)), shape(a.get(3)), graph.whole(1, whole(a, 1)));
            case "squeeze" -> ranked("Squeeze", tensor(a, 0), -1, Map.of(), graph.whole(1, whole(a, 1)));
            case "unsqueeze" -> unsqueeze(tensor(a, 0), whole(a, 1));
            case "stack" -> stack(list(a.get(0)), whole(a, 1));
            case "chunk" ->
                graph.nodes(
                        "Split",
                        Math.toIntExact(whole(a, 1)),
                        tensor(a, 0).type(),
                        tensor(a, 0).rank(),
                        Map.of("axis", whole(a, 2)),
                        tensor(a, 0));
            default -> throw new IllegalStateException("torch." + function + " has no counterpart in ONNX here");
        };
    }

    private static Tensor tensor(List<Object> arguments, int index) {
        return (Tensor) arguments.get(index);
    }

    private static long whole(List<Object> arguments, int index) {
        return (Long) arguments.get(index);
    }

    private static List<?> list(Object value) {
        return (List<?>) value;
    }

    private static double real(Object number) {
        return ((Number) number).doubleValue();
    }

    /** A node whose output has the type and the rank of its first input. */
    private Tensor of(String operator, Tensor x, Map<String, ?> attributes, Tensor... more) {
        return ranked(operator, x, 0, attributes, more);
    }

    /** @param more dimensions than the first input has */
    private Tensor ranked(String operator, Tensor x, int more, Map<String, ?> attributes, Tensor... inputs) {
        Tensor[] all = new Tensor[inputs.length + 1];
        all[0] = x;
        System.arraycopy(inputs, 0, all, 1, inputs.length);
        return graph.node(operator, x.type(), x.rank() + more, attributes, all);
    }

    private Tensor cast(Tensor x, ElementType type) {
        return x.type() == type ? x : graph.node("Cast", type, x.rank(), Map.of("to", type.code), x);
    }

    private Tensor float32(Tensor x) {
        return cast(x, ElementType.FLOAT);
    }

    /** Two operands in one type: a number takes that of the tensor, and of two types float32 wins. */
    private Tensor[] operands(List<?> pair) {
        Object x = pair.get(0);
        Object y = pair.get(1);
        if (x instanceof Tensor one && y instanceof Tensor other) {
            boolean same = one.type() == other.type();
            return same ? new Tensor[] {one, other} : new Tensor[] {float32(one), float32(other)};
        }
        Tensor one = (Tensor) x;
        Tensor number = one.type().isFloat() ? graph.number(one.type(), 0, real(y)) : graph.whole(0, (Long) y);
        return new Tensor[] {one, number};
    }

    private Tensor both(String operator, List<?> pair) {
        Tensor[] x = operands(pair);
        return graph.node(operator, x[0].type(), Math.max(x[0].rank(), x[1].rank()), Map.of(), x);
    }

    private Tensor compared(String operator, List<?> pair) {
        Tensor[] x = operands(pair);
        return graph.node(operator, ElementType.BOOL, Math.max(x[0].rank(), x[1].rank()), Map.of(), x);
    }

    private Tensor where(Tensor condition, List<?> pair) {
        Tensor[] x = operands(pair);
        int rank = Math.max(condition.rank(), Math.max(x[0].rank(), x[1].rank()));
        return graph.node("Where", x[0].type(), rank, Map.of(), condition, x[0], x[1]);
    }

    /** The size of a dimension, [1]. */
    private Tensor size(Tensor x, long dimension) {
        Tensor shape = graph.node("Shape", ElementType.INT64, 1, Map.of(), x);
        return gather(shape, graph.whole(1, dimension), 0);
    }

    private List<Object> sizes(Tensor x) {
        List<Object> sizes = new ArrayList<>();
        LongStream.range(0, x.rank()).forEach(dimension -> sizes.add(size(x, dimension)));
        return sizes;
    }

    /** Whole numbers [n] of a list of numbers and sizes, or of one. */
    private Tensor shape(Object sizes) {
        List<?> list = sizes instanceof List<?> several ? several : List.of(sizes);
        if (list.stream().allMatch(Long.class::isInstance)) {
            return graph.whole(1, list.stream().mapToLong(size -> (Long) size).toArray());
        }
        Tensor[] parts = list.stream()
                .map(size -> size instanceof Tensor known ? known : graph.whole(1, (Long) size))
                .toArray(Tensor[]::new);
        return parts.length == 1 ? parts[0] : graph.node("Concat", ElementType.INT64, 1, Map.of("axis", 0), parts);
    }

    private Tensor arange(Tensor length) {
        Tensor end = ranked("Squeeze", length, -1, Map.of(), graph.whole(1, 0));
        return graph.node("Range", ElementType.INT64, 1, Map.of(), graph.whole(0, 0), end, graph.whole(0, 1));
    }

    private Tensor gather(Tensor from, Tensor indices, long axis) {
        int rank = from.rank() - 1 + indices.rank();
        return graph.node("Gather", from.type(), rank, Map.of("axis", axis), from, indices);
    }

    private Tensor reshape(Tensor x, Object sizes) {
        return graph.node("Reshape", x.type(), list(sizes).size(), Map.of(), x, shape(sizes));
    }

    private Tensor expand(Tensor x, Object sizes) {
        return graph.node("Expand", x.type(), list(sizes).size(), Map.of(), x, shape(sizes));
    }

    private Tensor permute(Tensor x, long... axes) {
        return of("Transpose", x, Map.of("perm", axes));
    }

    private static long[] swapped(int rank, long one, long other) {
        long[] axes = LongStream.range(0, rank).toArray();
        axes[Math.toIntExact(one)] = other;
        axes[Math.toIntExact(other)] = one;
        return axes;
    }

    private Tensor unsqueeze(Tensor x, long axis) {
        return ranked("Unsqueeze", x, 1, Map.of(), graph.whole(1, axis));
    }

    private Tensor stack(List<?> parts, long axis) {
        Tensor[] all =
                parts.stream().map(part -> unsqueeze((Tensor) part, axis)).toArray(Tensor[]::new);
        boolean same = Arrays.stream(all).allMatch(part -> part.type() == all[0].type());
        Tensor[] equal = same ? all : Arrays.stream(all).map(this::float32).toArray(Tensor[]::new);
        return graph.node("Concat", equal[0].type(), equal[0].rank(), Map.of("axis", axis), equal);
    }

    private Tensor linear(Tensor x, Tensor weight, @Nullable Tensor bias) {
        Tensor columns = transposed.computeIfAbsent(weight.name(), name -> permute(weight, 1, 0));
        Tensor product = of("MatMul", cast(x, weight.type()), Map.of(), columns);
        return bias == null ? product : of("Add", product, Map.of(), bias);
    }

    /** Arguments: x, sizes, weight, bias or None, epsilon. */
    private Tensor layerNorm(List<Object> a) {
        Map<String, Object> attributes = Map.of("axis", -1L, "epsilon", (float) real(a.get(4)));
        Tensor x = float32(tensor(a, 0));
        Tensor weight = float32(tensor(a, 2));
        return a.get(3) == NONE
                ? of("LayerNormalization", x, attributes, weight)
                : of("LayerNormalization", x, attributes, weight, float32(tensor(a, 3)));
    }

    /** Opset 17 has no GELU. */
    private Tensor gelu(Tensor x, String approximate) {
        Tensor inner;
        if (approximate.equals("none")) {
            inner = of("Erf", both("Mul", List.of(x, StrictMath.sqrt(0.5))), Map.of());
        } else {
            Tensor cube = both("Mul", List.of(both("Mul", List.of(x, x)), x));
            Tensor sum = both("Add", List.of(x, both("Mul", List.of(cube, 0.044715))));
            inner = of("Tanh", both("Mul", List.of(sum, StrictMath.sqrt(2 / StrictMath.PI))), Map.of());
        }
        return both("Mul", List.of(both("Mul", List.of(x, 0.5)), both("Add", List.of(inner, 1.0))));
    }

    /** Queries, keys and values [B, A, S, D], mask broadcast to [B, A, S, S]. */
    private Tensor attention(Tensor query, Tensor key, Tensor value, Tensor mask) {
        Tensor scores = float32(both("MatMul", List.of(query, permute(key, swapped(key.rank(), 2, 3)))));
        Tensor root = of("Sqrt", cast(size(query, -1), ElementType.FLOAT), Map.of());
        Tensor masked = both("Add", List.of(both("Div", List.of(scores, root)), mask));
        return both("MatMul", List.of(cast(of("Softmax", masked, Map.of("axis", -1L)), value.type()), value));
    }
}
