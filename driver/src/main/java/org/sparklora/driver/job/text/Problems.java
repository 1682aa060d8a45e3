package org.sparklora.driver.job.text;

import java.util.ArrayList;
import java.util.List;
import org.sparklora.worker.contract.CodedException;

/**
 * Collects what is wrong with a file, so that a user sees all of it at once. Each problem is one line that ends with its own
 * code in square brackets.
 */
public final class Problems {

    private record Problem(String code, String text) {}

    private final List<Problem> problems = new ArrayList<>();

    /**
     * Notes a problem.
     *
     * @param code such as {@code config.key.unknown}
     * @param text one line without the code: what is wrong, where, and what to do
     */
    public void add(String code, String text) {
        problems.add(new Problem(code, text));
    }

    /** Notes another collection's problems, each after {@code prefix}. */
    public void addAll(String prefix, Problems others) {
        others.problems.forEach(problem -> add(problem.code(), prefix + problem.text()));
    }

    public boolean isEmpty() {
        return problems.isEmpty();
    }

    /** One line for each problem, with its code, in the order in which they were found. */
    public List<String> lines() {
        return problems.stream()
                .map(problem -> CodedException.withCode(problem.code(), problem.text()))
                .toList();
    }

    /** The code of an exception that reports these problems: that of a single problem, or {@code codeOfSeveral}. */
    public String code(String codeOfSeveral) {
        return problems.size() == 1 ? problems.get(0).code() : codeOfSeveral;
    }

    /** The first line of that exception, without its code: a single problem, or how many problems there are. */
    public String headline() {
        return problems.size() == 1 ? problems.get(0).text() : problems.size() + " problems";
    }

    /** The whole message: the first line, and several problems on lines of their own. */
    public static String message(String firstLine, List<String> lines) {
        return lines.size() == 1 ? firstLine : firstLine + "\n" + String.join("\n", lines);
    }
}
