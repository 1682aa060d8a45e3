package org.sparklora.worker.data;

import java.util.ArrayList;
import java.util.List;
import org.sparklora.worker.contract.KeyedRandom;

/** Strings on which tokenizers tend to differ. */
final class TrickyTexts {

    private static final List<String> PIECES = List.of(
            "café",
            "CAFÉ",
            "cafe\u0301",
            "naïve",
            "Ångström",
            "ÅNGSTRÖM",
            "straße",
            "STRASSE",
            "İstanbul",
            "ıi",
            "Ünïcödé",
            "ﬁne ﬂow",
            "Ⅷ",
            "①②",
            "½ cup",
            "x²",
            "中文",
            "我爱北京天安门",
            "mixed中文words",
            "日本語テスト",
            "ひらがな",
            "한국어",
            "\ud55c\uae00",
            "русский",
            "РУССКИЙ",
            "ёлка",
            "ελληνικά",
            "ΕΛΛΗΝΙΚΆ",
            "עברית",
            "العربية",
            "हिन्दी",
            "ไทย",
            "tiếng Việt",
            "😀",
            "👩‍👩‍👧",
            "🇩🇪 flag",
            "👍🏽",
            "a😀b",
            "don't",
            "it's -- fine",
            "e.g.",
            "U.S.A.",
            "http://example.com/a?b=c&d=e#f",
            "user@example.org",
            "#hashtag",
            "$5.00",
            "€100",
            "£1",
            "¥9",
            "50%",
            "C++",
            "C#",
            "a_b_c",
            "snake_case",
            "semi;colon",
            "“quoted”",
            "‘single’",
            "«guillemets»",
            "em—dash",
            "en–dash",
            "ellipsis…",
            "!!!???",
            "...",
            "~^`|<>",
            "[brackets]",
            "{braces}",
            "(parens)",
            "[CLS]",
            "[SEP] inside",
            "[MASK]",
            "[UNK]",
            "[cls]",
            "[PAD]",
            "##ing",
            "## ing",
            "a##b",
            "tab\there",
            "new\nline",
            "cr\r\nlf",
            "nbsp\u00a0here",
            "zero\u200bwidth",
            "joiner\u200djoin",
            "bom\ufeff",
            "soft\u00adhyphen",
            "control\u0001char",
            "bell\u0007",
            "nul\u0000byte",
            "del\u007f",
            "c1\u0085next",
            "line\u2028sep",
            "para\u2029sep",
            "ideographic\u3000space",
            "thin\u2009space",
            "replacement\ufffd",
            "private\ue000use",
            "lone\ud83dsurrogate",
            "𠀀𠀁",
            "𝓯𝓪𝓷𝓬𝔂",
            "ＦＵＬＬ",
            "ｗｉｄｔｈ",
            "1234567890",
            "1,234.56",
            "2024-01-31",
            "0xDEADBEEF",
            "antidisestablishmentarianism",
            "supercalifragilisticexpialidocious",
            "qwrtpsdfg",
            "AbCdEf",
            "THE",
            "the",
            "Hello, World!",
            "  leading",
            "trailing  ",
            "dou  ble",
            "\u0301combining first",
            "a\u0300\u0301\u0302");

    private TrickyTexts() {}

    /** Each piece, words around the length limit, and mixtures. */
    static List<String> all() {
        List<String> texts = new ArrayList<>(PIECES);
        texts.add("");
        texts.add(" ");
        texts.add("\n\t ");
        texts.add("a".repeat(100));
        texts.add("a".repeat(101));
        texts.add("x " + "é".repeat(100) + " y " + "é".repeat(101));
        texts.add("the ".repeat(300));
        for (int i = 0; i < 300; i++) {
            StringBuilder text = new StringBuilder();
            for (int k = 0; k < 6; k++) {
                long draw = KeyedRandom.mix(i, k);
                text.append(PIECES.get((int) Long.remainderUnsigned(draw, PIECES.size())));
                text.append((draw >>> 62) == 0 ? "" : " ");
            }
            texts.add(text.toString());
        }
        return texts;
    }
}
