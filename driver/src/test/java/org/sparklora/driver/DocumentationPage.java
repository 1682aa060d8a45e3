package org.sparklora.driver;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A page of the documentation: README.md, ARCHITECTURE.md or a page of {@code docs}.
 *
 * @param name path from the project's root, with forward slashes
 * @param lines the page's text
 */
public record DocumentationPage(String name, List<String> lines) {

    /** The project's root. */
    public static final Path ROOT = Path.of(System.getProperty("project.root", ".."));

    private static final Pattern FENCE = Pattern.compile("\\s*```(\\w*)\\s*");
    private static final Pattern CODE = Pattern.compile("`[^`]*`");
    private static final Pattern LINK = Pattern.compile("\\]\\(([^)\\s]+)\\)");
    private static final Pattern HEADING = Pattern.compile("#{1,6} (.*)");

    public DocumentationPage {
        lines = List.copyOf(lines);
    }

    /**
     * A fenced block.
     *
     * @param where page and line of the opening fence
     * @param language what follows the fence; may be empty
     * @param mark the line before the fence
     * @param code the lines between the fences
     */
    public record Block(String where, String language, String mark, List<String> code) {

        public Block {
            code = List.copyOf(code);
        }

        /** The code as one text. */
        public String text() {
            return String.join("\n", code) + "\n";
        }

        /** The names after {@code test:} in the mark, such as {@code ReadmeIT}; empty without such a mark. */
        public List<String> tests() {
            Matcher test = Pattern.compile("\\s*<!-- test: (\\w+(?:\\.\\w+)?(?:, \\w+(?:\\.\\w+)?)*) -->\\s*")
                    .matcher(mark);
            return test.matches() ? List.of(test.group(1).split(", ")) : List.of();
        }

        /** Whether the mark gives a reason why no test runs the block. */
        public boolean isNotRun() {
            return mark.matches("\\s*<!-- not run: \\S.* -->\\s*");
        }
    }

    /** A link in the text, outside code. */
    public record Link(String where, String target) {}

    /** Every page, in alphabetical order. */
    public static List<DocumentationPage> all() throws IOException {
        List<DocumentationPage> pages = new ArrayList<>();
        try (Stream<Path> docs = Files.list(ROOT.resolve("docs"))) {
            for (Path file : Stream.concat(
                            Stream.of(ROOT.resolve("README.md"), ROOT.resolve("ARCHITECTURE.md")),
                            docs.filter(path -> path.toString().endsWith(".md")))
                    .sorted()
                    .toList()) {
                String name = ROOT.relativize(file).toString().replace('\\', '/');
                pages.add(new DocumentationPage(name, Files.readAllLines(file)));
            }
        }
        return pages;
    }

    /** The fenced blocks, in order. */
    public List<Block> blocks() {
        List<Block> blocks = new ArrayList<>();
        for (int i = 0; i < lines.size(); i++) {
            Matcher open = FENCE.matcher(lines.get(i));
            if (open.matches()) {
                int end = closingFence(i);
                String mark = i == 0 ? "" : lines.get(i - 1);
                blocks.add(new Block(name + ":" + (i + 1), open.group(1), mark, lines.subList(i + 1, end)));
                i = end;
            }
        }
        return blocks;
    }

    /** The links of the text. */
    public List<Link> links() {
        List<Link> links = new ArrayList<>();
        for (int i = 0; i < lines.size(); i++) {
            if (FENCE.matcher(lines.get(i)).matches()) {
                i = closingFence(i);
                continue;
            }
            Matcher link = LINK.matcher(CODE.matcher(lines.get(i)).replaceAll("code"));
            while (link.find()) {
                links.add(new Link(name + ":" + (i + 1), link.group(1)));
            }
        }
        return links;
    }

    /** The anchors that GitHub gives the headings. */
    public Set<String> anchors() {
        Set<String> anchors = new LinkedHashSet<>();
        Map<String, Integer> seen = new HashMap<>();
        for (int i = 0; i < lines.size(); i++) {
            if (FENCE.matcher(lines.get(i)).matches()) {
                i = closingFence(i);
                continue;
            }
            Matcher heading = HEADING.matcher(lines.get(i));
            if (heading.matches()) {
                String anchor = heading.group(1)
                        .strip()
                        .toLowerCase(Locale.ROOT)
                        .replaceAll("[^\\p{L}\\p{N}\\s_-]", "")
                        .replaceAll("\\s", "-");
                int times = seen.merge(anchor, 1, Integer::sum);
                anchors.add(times == 1 ? anchor : anchor + "-" + (times - 1));
            }
        }
        return anchors;
    }

    private int closingFence(int open) {
        for (int i = open + 1; i < lines.size(); i++) {
            if (lines.get(i).strip().equals("```")) {
                return i;
            }
        }
        throw new IllegalStateException(name + ":" + (open + 1) + ": this block has no closing fence");
    }

    @Override
    public String toString() {
        return name;
    }
}
