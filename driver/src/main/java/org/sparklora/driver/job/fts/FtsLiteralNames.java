package org.sparklora.driver.job.fts;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Names without a model: whole names of weights and biases, of which those of an encoder's Linears are known by their words. */
final class FtsLiteralNames implements FtsNames {

    private static final Pattern LITERAL = Pattern.compile("[A-Za-z0-9_.]+\\.(weight|bias)");

    /** What comes before is the attribute of the LightningModule that holds the model, e.g. {@code model.}. */
    private static final List<Pattern> WITHOUT_PREFIX = List.of(
            Pattern.compile("(?:.*\\.)?((?:bert|roberta|distilbert|mpnet)\\..+)"),
            // An attribute that holds a bare model; target_modules takes the end of a name.
            Pattern.compile("(?:.*\\.)?((?:embeddings|(?:encoder|transformer)\\.layer|pooler)\\..+)"));

    private static final Pattern LINEAR =
            Pattern.compile("(?:bert|roberta|distilbert|mpnet|(?:encoder|transformer)\\.layer|pooler)\\.(?:.*\\.)?"
                    + "(?:query|key|value|dense|[qkv]_lin|out_lin|lin[12]|attn\\.[qkvo])");

    @Override
    public List<String> of(String entry) {
        if (!LITERAL.matcher(entry).matches()) {
            return List.of();
        }
        for (Pattern pattern : WITHOUT_PREFIX) {
            Matcher matcher = pattern.matcher(entry);
            if (matcher.matches()) {
                return List.of(matcher.group(1));
            }
        }
        return List.of(entry);
    }

    @Override
    public String whyNone(String entry) {
        return "is not the name of a weight or bias but a regular expression; give --model DIR or --config F to say for"
                + " which model";
    }

    @Override
    public boolean isLinear(String path) {
        return LINEAR.matcher(path).matches();
    }
}
