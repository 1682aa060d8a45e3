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

    /** Problems that share one code. */
    public static Problems of(String code, List<String> lines) {
        Problems problems = new Problems();
        lines.forEach(line -> problems.add(code, line));
        return problems;
    }

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
    String code(String codeOfSeveral) {
        return problems.size() == 1 ? problems.get(0).code() : codeOfSeveral;
    }

    /** The first line of that exception, without its code: a single problem, or how many problems there are. */
    String headline() {
        return problems.size() == 1 ? problems.get(0).text() : problems.size() + " problems";
    }
}
