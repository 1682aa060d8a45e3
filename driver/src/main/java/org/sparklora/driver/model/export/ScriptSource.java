package org.sparklora.driver.model.export;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The TorchScript source that {@link TorchScriptExport} writes, read again: methods of assignments whose right side is an expression
 * of calls, lists, names and literals. Conditions only guard against texts that are too long, and are left out.
 */
final class ScriptSource {

    private static final Pattern METHOD = Pattern.compile("  def (\\w+)\\(([^)]*)\\) -> Tensor:\n((?:    .*\n)*)");
    private static final Pattern PARAMETER = Pattern.compile("(\\w+): Tensor");
    private static final Pattern STATEMENT = Pattern.compile("    (?:return|([\\w, ]+?),? =) (.*)");
    private static final Pattern TOKEN =
            Pattern.compile("\\s*(-?\\d+(?:\\.\\d*)?(?:[eE][-+]?\\d+)?|\"[^\"]*\"|[\\w.]+|[()\\[\\],=])");

    private final Matcher tokens;
    private String token = "";

    /** Something that has a value. */
    sealed interface Expression permits Call, Name, Items, Literal {}

    /**
     * A call.
     *
     * @param function such as {@code torch.add}, or {@code self.attention}
     * @param arguments by position
     * @param named by name
     */
    record Call(String function, List<Expression> arguments, Map<String, Expression> named) implements Expression {}

    /** A variable, or an attribute of the module with its {@code self.} in front. */
    record Name(String text) implements Expression {}

    record Items(List<Expression> items) implements Expression {}

    /** @param value a Long, a Double, a Boolean or a String; null for None */
    record Literal(@Nullable Object value) implements Expression {}

    /** @param targets empty for {@code return} */
    record Statement(List<String> targets, Expression value) {}

    record Method(List<String> parameters, List<Statement> body) {}

    private ScriptSource(String expression) {
        tokens = TOKEN.matcher(expression);
        next();
    }

    /** The methods of a class by name. */
    static Map<String, Method> methods(String code) {
        Map<String, Method> methods = new LinkedHashMap<>();
        Matcher method = METHOD.matcher(code);
        while (method.find()) {
            List<String> parameters = PARAMETER
                    .matcher(method.group(2))
                    .results()
                    .map(p -> p.group(1))
                    .toList();
            List<Statement> body = new ArrayList<>();
            for (String line : method.group(3).split("\n")) {
                Matcher statement = STATEMENT.matcher(line);
                if (!line.startsWith("      ") && statement.matches()) {
                    String targets = statement.group(1);
                    body.add(new Statement(
                            targets == null ? List.of() : List.of(targets.split(", ")),
                            new ScriptSource(statement.group(2)).expression()));
                }
            }
            methods.put(method.group(1), new Method(parameters, body));
        }
        return methods;
    }

    private String next() {
        String before = token;
        token = tokens.lookingAt() ? tokens.group(1) : "";
        if (!token.isEmpty()) {
            tokens.region(tokens.end(), tokens.regionEnd());
        }
        return before;
    }

    private Expression expression() {
        String first = next();
        if (first.equals("(")) {
            // (self).method(…)
            String self = next();
            next();
            return call(self + next());
        }
        if (first.equals("[")) {
            List<Expression> items = new ArrayList<>();
            while (!token.equals("]")) {
                items.add(expression());
                skipComma();
            }
            next();
            return new Items(items);
        }
        if (first.startsWith("\"")) {
            return new Literal(first.substring(1, first.length() - 1));
        }
        if (first.matches("-?\\d+")) {
            return new Literal(Long.valueOf(first));
        }
        if (first.matches("-?\\d.*")) {
            return new Literal(Double.valueOf(first));
        }
        return switch (first) {
            case "None" -> new Literal(null);
            case "True", "False" -> new Literal(first.equals("True"));
            default -> token.equals("(") ? call(first) : new Name(first);
        };
    }

    private Call call(String function) {
        List<Expression> arguments = new ArrayList<>();
        Map<String, Expression> named = new LinkedHashMap<>();
        next();
        while (!token.equals(")")) {
            Expression argument = expression();
            if (token.equals("=")) {
                next();
                named.put(((Name) argument).text(), expression());
            } else {
                arguments.add(argument);
            }
            skipComma();
        }
        next();
        return new Call(function, arguments, named);
    }

    private void skipComma() {
        if (token.equals(",")) {
            next();
        }
    }
}
