package org.sparklora.driver.app;

import java.io.IOException;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.cluster.Locations;
import org.sparklora.driver.run.history.RunDirectory;
import org.sparklora.driver.training.Console;
import org.sparklora.driver.training.ExitCode;
import org.sparklora.driver.training.UsageException;
import org.sparklora.driver.watch.report.KeyedReport;
import org.sparklora.driver.watch.report.Language;
import org.sparklora.driver.watch.report.RunReport;
import org.sparklora.driver.watch.report.SweepReport;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(name = "report", mixinStandardHelpOptions = true)
final class ReportCommand implements Callable<Integer> {

    @Option(names = "--run", required = true, paramLabel = "DIR")
    private List<String> runs = List.of();

    @Option(names = "--lang", paramLabel = "LANG", defaultValue = "en")
    private String lang = "en";

    @Option(names = "--output", paramLabel = "FILE")
    private @Nullable String output;

    @Override
    public Integer call() throws IOException {
        Language language = Language.of(lang)
                .orElseThrow(() ->
                        new UsageException("usage.option-value", "--lang '" + lang + "' is unknown; give en or zh"));
        if (output == null && runs.size() > 1) {
            throw new UsageException(
                    "usage.option-missing", "a page about " + runs.size() + " runs needs --output FILE");
        }
        RunDirectory first = Locations.directory(runs.get(0));
        if (runs.size() == 1 && SweepReport.isSweep(first)) {
            Target target = output == null ? new Target(first, SweepReport.FILE) : Target.of(output);
            return write(target, SweepReport.page(first, Locations::directory, language));
        }
        if (runs.size() == 1 && first.exists(KeyedReport.INDEX)) {
            Target target = output == null ? new Target(first, RunReport.FILE) : Target.of(output);
            return write(target, KeyedReport.page(first, language));
        }
        List<RunReport> reports = runs.stream()
                .map(run -> new RunReport(KeyedRows.ofOneAdapter("report", run)))
                .toList();
        Target target = output == null ? new Target(first, RunReport.FILE) : Target.of(output);
        return write(target, RunReport.page(reports, language));
    }

    private static int write(Target target, byte[] page) throws IOException {
        target.folder().write(target.name(), page);
        Console.out("%s/%s", target.folder().location(), target.name());
        return ExitCode.OK.code();
    }

    /** A file and its folder, which may be any folder. */
    private record Target(RunDirectory folder, String name) {

        static Target of(String path) {
            int slash = path.lastIndexOf('/');
            String name = path.substring(slash + 1);
            if (name.isEmpty() || name.equals(".") || name.equals("..")) {
                throw new UsageException(
                        "usage.option-value", "--output " + path + " names no file; give a path such as compared.html");
            }
            // "/" itself keeps its slash.
            String folder = slash < 0 ? "." : slash == 0 ? "/" : path.substring(0, slash);
            return new Target(Locations.directory(folder), name);
        }
    }
}
