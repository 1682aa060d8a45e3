package org.sparklora.driver.training;

import java.util.List;
import org.sparklora.worker.contract.CodedException;

/** A command that cannot be carried out as it was given. Exit code 2. */
public final class UsageException extends CodedException {

    private static final long serialVersionUID = 1L;

    public UsageException(String code, String message) {
        super(code, message, null);
    }

    /** The value of one of Spark's settings that switches something; refuses any other than on and off. */
    static boolean isOn(String setting, String value) {
        if (!value.equals("on") && !value.equals("off")) {
            throw new UsageException("settings.spark", setting + "=" + value + " is neither on nor off; correct it");
        }
        return value.equals("on");
    }

    /** An error of several lines, each with the code. */
    static UsageException ofLines(String code, List<String> lines) {
        int last = lines.size() - 1;
        StringBuilder message = new StringBuilder();
        lines.subList(0, last)
                .forEach(line -> message.append(withCode(code, line)).append('\n'));
        return new UsageException(code, message + lines.get(last));
    }
}
