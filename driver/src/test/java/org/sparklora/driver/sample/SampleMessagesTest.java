package org.sparklora.driver.sample;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.sparklora.driver.sample.SampleMessages.LabeledText;

class SampleMessagesTest {

    private static final List<LabeledText> TRAIN =
            new SampleMessages().generate(SampleData.SEED, SampleMessages.TRAIN, SampleData.TRAIN_MESSAGES);
    private static final List<LabeledText> DEV =
            new SampleMessages().generate(SampleData.SEED, SampleMessages.DEV, SampleData.DEV_MESSAGES);

    @Tag("nightly")
    @ParameterizedTest
    @EnumSource
    void oneKeywordPerClassStaysBelowSixtyPercent(KeywordBaseline.Form form) {
        KeywordBaseline baseline = KeywordBaseline.fit(TRAIN, 5, form);
        assertThat(baseline.accuracy(DEV)).as("%s on dev", baseline).isLessThan(0.60);
        // Not a straw man: it must beat the 20 % of guessing by far, or it was fitted wrongly.
        assertThat(baseline.accuracy(TRAIN)).as("%s on train", baseline).isGreaterThan(0.40);
    }

    @Test
    void classesAreBalanced() {
        for (List<LabeledText> messages : List.of(TRAIN, DEV)) {
            Map<String, Long> counts =
                    messages.stream().collect(Collectors.groupingBy(LabeledText::label, Collectors.counting()));
            assertThat(counts.keySet()).containsExactlyInAnyOrder("account", "billing", "damage", "delivery", "praise");
            assertThat(counts.values()).allMatch(count -> count == messages.size() / 5);
        }
        assertThat(TRAIN).hasSizeGreaterThanOrEqualTo(2_000);
        assertThat(DEV).hasSizeGreaterThanOrEqualTo(400);
    }

    @Test
    void noMessageOccursTwiceNorInBothSplits() {
        Set<String> texts = new HashSet<>();
        TRAIN.forEach(message ->
                assertThat(texts.add(message.text())).as(message.text()).isTrue());
        DEV.forEach(message ->
                assertThat(texts.add(message.text())).as(message.text()).isTrue());
    }

    @Test
    void everyDevMessageHasACoreThatTrainNeverSays() {
        // A core holds no comma or full stop, so between those marks it stands whole.
        Set<String> said = new HashSet<>();
        TRAIN.forEach(message -> said.addAll(clauses(message.text())));
        assertThat(DEV).allMatch(message -> !said.containsAll(clauses(message.text())));
    }

    @Test
    void lengthAndPunctuationSayNothingAboutTheClass() {
        // Guessing is right for 20 % of the messages; the slack is for chance among 500 of them.
        assertThat(accuracyBySignature(text -> text.split(" ").length)).isLessThan(0.32);
        assertThat(accuracyBySignature(text -> text.replaceAll("[A-Za-z ]", "")))
                .isLessThan(0.32);
    }

    @Test
    void messagesAreSixToTwentyFiveWordsWithCommasAndQuotesAmongThem() {
        assertThat(TRAIN).allMatch(message -> {
            int words = message.text().split(" ").length;
            return words >= 6 && words <= 25;
        });
        assertThat(TRAIN).anyMatch(message -> message.text().contains(","));
        assertThat(TRAIN).anyMatch(message -> message.text().contains("\""));
    }

    @Test
    void theStarterVocabularyKnowsTheWordsWhole() throws IOException {
        Path root = Path.of(System.getProperty("project.root", ".."));
        Set<String> vocabulary = new HashSet<>(Files.readAllLines(root.resolve("conf/starter-bert-12l/vocab.txt")));
        List<String> words = TRAIN.stream()
                .flatMap(message -> KeywordBaseline.tokens(message.text()).stream())
                .toList();
        long whole = words.stream().filter(vocabulary::contains).count();
        assertThat((double) whole / words.size()).isGreaterThan(0.95);
    }

    @Test
    void anotherSeedGivesOtherMessagesAndALongerSplitStartsWithTheShorter() {
        SampleMessages messages = new SampleMessages();
        assertThat(messages.generate(7, SampleMessages.DEV, 50)).isNotEqualTo(DEV.subList(0, 50));
        assertThat(messages.generate(SampleData.SEED, SampleMessages.DEV, 50)).isEqualTo(DEV.subList(0, 50));
    }

    @Test
    void refusesASplitItDoesNotKnow() {
        assertThatThrownBy(() -> new SampleMessages().generate(1, "test", 5))
                .hasMessageContainingAll("'test'", "'train'", "'dev'");
    }

    private static List<String> clauses(String text) {
        return Pattern.compile("[.,?!\"]")
                .splitAsStream(text.toLowerCase(Locale.ROOT))
                .map(clause -> clause.strip().replaceFirst("^(and|but|though|yet|so) ", ""))
                .filter(clause -> !clause.isEmpty())
                .toList();
    }

    /** Accuracy on dev of the most frequent class in train for each value of a signature. */
    private static double accuracyBySignature(Function<String, Object> signature) {
        Map<Object, Map<String, Integer>> counts = new HashMap<>();
        for (LabeledText message : TRAIN) {
            counts.computeIfAbsent(signature.apply(message.text()), s -> new HashMap<>())
                    .merge(message.label(), 1, Integer::sum);
        }
        long right = DEV.stream()
                .filter(message -> counts.getOrDefault(signature.apply(message.text()), Map.of()).entrySet().stream()
                        .max(Map.Entry.comparingByValue())
                        .filter(top -> top.getKey().equals(message.label()))
                        .isPresent())
                .count();
        return (double) right / DEV.size();
    }
}
