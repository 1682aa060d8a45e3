package org.sparklora.driver.job.fts;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.sparklora.driver.job.manifest.LinearModule;
import org.sparklora.driver.job.text.NearMiss;

/**
 * Names of a model. An entry that is the name of a parameter means that one; any other is a regular expression that the
 * beginning of a name must match ({@code re.match}), so {@code layer.1} means layers 10 and 11 as well. Source: {@code
 * ScheduleParsingMixin._parse_phase}.
 */
record FtsModelNames(Map<String, String> ours, Set<String> linears) implements FtsNames {

    /** A LightningModule holds its model at most this deep. */
    private static final int MAX_PREFIX_PARTS = 3;

    private static final Pattern PLAIN = Pattern.compile("[A-Za-z0-9_.]+");

    /**
     * How a LightningModule names parameters.
     *
     * @param prefix the attribute that holds the model, e.g. {@code model.}; empty: its parts are attributes themselves
     * @param bare whether the attribute holds the encoder alone, whose names lack {@code bert.}, beside the head
     */
    private record Naming(String prefix, boolean bare) {

        String of(String parameter) {
            if (!bare) {
                return prefix + parameter;
            }
            return FtsNames.isHead(parameter) ? parameter : prefix + parameter.substring(parameter.indexOf('.') + 1);
        }
    }

    /** The model's names as the file has them: spelt so that the most entries mean something. */
    static FtsModelNames of(FtsModel model, List<String> entries) {
        Set<String> parameters = new LinkedHashSet<>(model.parameters());
        if (model.parameters().stream().noneMatch(FtsNames::isHead)) {
            parameters.addAll(List.of("classifier.weight", "classifier.bias"));
        }
        Set<String> linears = model.linears().stream().map(LinearModule::path).collect(Collectors.toSet());
        Comparator<FtsModelNames> byMeaning = Comparator.comparingLong(names ->
                entries.stream().filter(entry -> !names.of(entry).isEmpty()).count());
        // Of equals the first: the shortest prefix, and a whole model before a bare encoder.
        return namings(entries).stream()
                .map(naming -> new FtsModelNames(spelt(parameters, naming), linears))
                .reduce((a, b) -> byMeaning.compare(b, a) > 0 ? b : a)
                .orElseThrow();
    }

    private static List<Naming> namings(List<String> entries) {
        Set<String> prefixes = new LinkedHashSet<>();
        for (String entry : entries) {
            String plain = entry.replace("\\.", ".").replaceFirst("[^A-Za-z0-9_.].*", "");
            int dot = plain.indexOf('.');
            for (int i = 0; i < MAX_PREFIX_PARTS && dot >= 0; i++) {
                prefixes.add(plain.substring(0, dot + 1));
                dot = plain.indexOf('.', dot + 1);
            }
        }
        prefixes.add("");
        List<Naming> namings = new ArrayList<>();
        prefixes.stream()
                .sorted(Comparator.comparingInt(String::length).thenComparing(Comparator.naturalOrder()))
                .forEach(prefix -> namings.addAll(List.of(new Naming(prefix, false), new Naming(prefix, true))));
        return namings;
    }

    private static Map<String, String> spelt(Set<String> parameters, Naming naming) {
        Map<String, String> ours = new LinkedHashMap<>();
        parameters.forEach(parameter -> ours.put(naming.of(parameter), parameter));
        return ours;
    }

    @Override
    public List<String> of(String entry) {
        String named = ours.get(entry);
        if (named != null) {
            return List.of(named);
        }
        Pattern pattern = Pattern.compile(entry);
        return ours.entrySet().stream()
                .filter(name -> pattern.matcher(name.getKey()).lookingAt())
                .map(Map.Entry::getValue)
                .toList();
    }

    @Override
    public String whyNone(String entry) {
        String near = PLAIN.matcher(entry).matches()
                ? NearMiss.of(entry, ours.keySet())
                        .map(name -> "did you mean '" + name + "'?")
                        .orElse("remove it, also if it is the head under another name, which always learns here")
                : "the beginning of a name must match, such as '"
                        + ours.keySet().iterator().next() + "'";
        return "matches no parameter of the model; " + near;
    }

    @Override
    public boolean isLinear(String path) {
        return linears.contains(path);
    }
}
