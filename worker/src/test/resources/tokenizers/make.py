"""Tokenizers of this folder and what transformers makes of texts with them.

make.py models DIR          trains them on sentences made here (needs sentencepiece)
make.py ids DIR TEXTS       prints the ids of DIR's tokenizer for a JSON list of texts as JSON (needs transformers)
make.py expected            writes every folder's expected.json (both)

A sentencepiece model becomes what transformers.convert_slow_tokenizer makes of it, every other directory what from_pretrained
of its class makes of it.
"""
import importlib
import json
import random
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).parent


def corpus():
    words = ("the a small large cat dog house garden reads writes walks quickly slowly river mountain morning evening friend"
             " letter blue green old new opens closes door window rain sun wind never always often tea bread water good bad"
             " fine plot movie actor scene ending story music voice").split()
    rare = ["café", "naïve", "straße", "中文", "北京", "русский", "ελληνικά", "한국어", "été", "où", "l'été", "don't", "e.g.",
            "100", "2024", "3.14", "€5", "$7"]
    draw = random.Random(7)
    for _ in range(3000):
        line = " ".join(draw.choice(words if draw.random() < 0.85 else rare) for _ in range(draw.randint(3, 12)))
        yield line[0].upper() + line[1:] + draw.choice(".!?,")


# Few rules keep the files small; sentencepiece's own table for NFKC has 240 kB.
RULES = {"Ａ": "A", "Ｂ": "B", "１": "1", "ﬁ": "fi", "\u3000": " ", "\u00a0": " ", "\t": " ", "\n": " ", "\r": " ",
         "½": "1/2", "\u200b": "", "e\u0301": "é"}


def sentencepiece(folder, name, algorithm, **names):
    import sentencepiece as spm
    rules = folder / "rules.tsv"
    rules.write_text("".join(" ".join(f"{ord(c):X}" for c in key) + "\t" + " ".join(f"{ord(c):X}" for c in value) + "\n"
                             for key, value in RULES.items()))
    spm.SentencePieceTrainer.train(sentence_iterator=corpus(), model_prefix=str(folder / "m"), model_type=algorithm,
                                   vocab_size=260, character_coverage=1.0, num_threads=1, hard_vocab_limit=False,
                                   normalization_rule_tsv=str(rules), minloglevel=2, **names)
    (folder / "m.model").rename(folder / name)
    (folder / "m.vocab").unlink()
    rules.unlink()


def write(folder, **files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in files.items():
        (folder / f"{name}.json").write_text(json.dumps(value, ensure_ascii=False) + "\n")
    return folder


def models(out):
    from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    bert = dict(pad_id=0, bos_id=1, eos_id=2, unk_id=3, pad_piece="[PAD]", bos_piece="[CLS]", eos_piece="[SEP]",
                unk_piece="[UNK]", user_defined_symbols="<url>")
    one = write(out / "deberta-v2", config={"model_type": "deberta-v2"},
                tokenizer_config={"do_lower_case": False, "vocab_type": "spm"})
    sentencepiece(one, "spm.model", "unigram", **bert)
    two = write(out / "deberta-v2-lower", added_tokens={"[MASK]": 236, "refund": 237},
                tokenizer_config={"do_lower_case": True, "split_by_punct": True, "tokenizer_class": "DebertaV2Tokenizer"})
    shutil.copy(one / "spm.model", two)
    sentencepiece(write(out / "xlm-roberta", config={"model_type": "xlm-roberta"}), "sentencepiece.bpe.model", "unigram")
    camembert = write(out / "camembert", tokenizer_config={"tokenizer_class": "CamembertTokenizer"})
    shutil.copy(out / "xlm-roberta/sentencepiece.bpe.model", camembert)
    bpe = write(out / "xlm-roberta-bpe", tokenizer_config={"tokenizer_class": "XLMRobertaTokenizerFast"})
    sentencepiece(bpe, "sentencepiece.bpe.model", "bpe")

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.train_from_iterator(corpus(), trainers.BpeTrainer(
        vocab_size=420, special_tokens=["<s>", "<pad>", "</s>", "<unk>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    roberta = write(out / "roberta", config={"model_type": "roberta"}, tokenizer_config={"additional_special_tokens": ["[E1]"]})
    tokenizer.model.save(str(roberta))
    vocab = json.loads((roberta / "vocab.json").read_text())
    write(roberta, vocab={**vocab, "<mask>": len(vocab)})

    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.train_from_iterator(corpus(), trainers.WordPieceTrainer(
        vocab_size=260, special_tokens=["<s>", "<pad>", "</s>", "<unk>", "[UNK]"], show_progress=False))
    mpnet = write(out / "mpnet", config={"model_type": "mpnet"}, tokenizer_config={"do_lower_case": True})
    vocab = sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().get)
    (mpnet / "vocab.txt").write_text("\n".join(vocab + ["<mask>"]) + "\n")

    # A tokenizer.json as it is: ModernBERT's parts, and the settings of a last use.
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(corpus(), trainers.BpeTrainer(
        vocab_size=420, special_tokens=["[UNK]", "[CLS]", "[SEP]", "[PAD]", AddedToken("[MASK]", lstrip=True)],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    tokenizer.add_tokens(["    ", "  "])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 1), ("[SEP]", 2)])
    tokenizer.enable_truncation(7)
    tokenizer.enable_padding(length=64, pad_id=3, pad_token="[PAD]")
    folder = write(out / "modernbert-json", tokenizer_config={
        "tokenizer_class": "PreTrainedTokenizerFast", "cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]",
        "unk_token": "[UNK]", "mask_token": "[MASK]"})
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)

    # A Unigram tokenizer.json with the pre-tokenizer that XLM-RoBERTa's own has, written before prepend_scheme.
    tokenizer = json.loads(converted(out / "xlm-roberta", "xlm-roberta", {}).backend_tokenizer.to_str())
    tokenizer["normalizer"] = tokenizer["normalizer"]["normalizers"][0]
    tokenizer["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [
        {"type": "WhitespaceSplit"}, {"type": "Metaspace", "replacement": "▁", "str_rep": "▁", "add_prefix_space": True}]}
    tokenizer["decoder"] = None
    write(out / "xlm-roberta-json", tokenizer=tokenizer, tokenizer_config={"tokenizer_class": "XLMRobertaTokenizer", **{
        key: value for key, value in zip(["cls_token", "sep_token", "pad_token", "unk_token"], ["<s>", "</s>", "<pad>", "<unk>"])}})


CONVERTERS = {"deberta-v2": ("DebertaV2Converter", "[CLS] [SEP] [UNK] [SEP] [PAD] [CLS] [MASK]"),
              "xlm-roberta": ("XLMRobertaConverter", "<s> </s> <unk> </s> <pad> <s> <mask>"),
              "camembert": ("CamembertConverter", "<s> </s> <unk> </s> <pad> <s> <mask>")}


def converted(folder, kind, config):
    """The fast tokenizer of a sentencepiece model, with added_tokens.json."""
    from tokenizers import AddedToken
    from transformers import PreTrainedTokenizerFast
    convert = importlib.import_module("transformers.convert_slow_tokenizer")

    class Slow:
        do_lower_case = config.get("do_lower_case", False)
        split_by_punct = config.get("split_by_punct", False)
        vocab_file = str(next(folder.glob("*.model")))

        def convert_tokens_to_ids(self, token):
            return [piece for piece, _ in converter.vocab(converter.proto)].index(token)

    class Merges:
        """What SentencePieceExtractor did before transformers 5; there it fails when it is asked for merges."""

        def __init__(self, file):
            pass

        def extract(self, scores):
            vocab = {piece.piece: i for i, piece in enumerate(converter.proto.pieces)}
            return vocab, convert.generate_merges(vocab, scores)

    name, special = CONVERTERS[kind]
    converter = getattr(convert, name)(Slow())
    converter.SpmExtractor = Merges
    tokenizer = converter.converted()
    keys = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"]
    names = dict(zip(keys, special.split()))
    added = folder / "added_tokens.json"
    for token in sorted((json.loads(added.read_text()) if added.exists() else {}).items(), key=lambda e: e[1]):
        tokenizer.add_tokens([AddedToken(token[0], special=token[0] in names.values(), normalized=token[0] not in names.values())])
    names["mask_token"] = AddedToken(names["mask_token"], lstrip=kind != "deberta-v2", special=True, normalized=False)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_input_names=["input_ids", "token_type_ids"], **names)


def tokenizer_of(folder):
    import transformers
    read = lambda name: json.loads((folder / name).read_text()) if (folder / name).exists() else {}
    config = read("tokenizer_config.json")
    kind = read("config.json").get("model_type")
    named = config.get("tokenizer_class", "").removesuffix("Fast")
    classes = {"deberta-v2": "DebertaV2Tokenizer", "xlm-roberta": "XLMRobertaTokenizer", "camembert": "CamembertTokenizer"}
    for key, value in classes.items():
        if (named or classes.get(kind)) == value and not (folder / "tokenizer.json").exists():
            return converted(folder, key, config)
    if (folder / "tokenizer.json").exists():
        return transformers.PreTrainedTokenizerFast.from_pretrained(folder, model_input_names=["input_ids", "token_type_ids"])
    named = named or {"mpnet": "MPNetTokenizer", "roberta": "RobertaTokenizer", "bert": "BertTokenizer"}[kind]
    # The mask of RoBERTa's own tokenizer.json takes the space before it; transformers 5 leaves that out here.
    mask = {"mask_token": transformers.AddedToken("<mask>", lstrip=True, special=True)} if named == "RobertaTokenizer" else {}
    return getattr(transformers, named).from_pretrained(folder, model_input_names=["input_ids", "token_type_ids"], **mask)


def ids(folder, texts):
    """Ids and types of each text, each pair of a text and the one after the next, and both cut: a pair to 6 tokens
    besides its special ones."""
    tokenizer = tokenizer_of(folder)
    pairs = [(text, texts[(i + 2) % len(texts)]) for i, text in enumerate(texts)]

    def row(*of, **how):
        # As a batch, since the call for one pair takes an empty second text for none.
        found = tokenizer(*([text] for text in of), padding=False, **how)
        tokens, types = found["input_ids"][0], found["token_type_ids"][0]
        return tokens, types.index(1) if 1 in types else len(tokens)

    # Even, since versions of tokenizers differ in which text of a pair an odd token is left to.
    cut = dict(truncation="longest_first", max_length=6 + tokenizer.num_special_tokens_to_add(pair=True))
    return {"pad": tokenizer.pad_token_id, "size": len(tokenizer),
            "rows": [[row(a, truncation=False)[0], *row(a, b, truncation=False), row(a, **cut)[0], *row(a, b, **cut)] for a, b in pairs]}


def compact(found):
    rows = ",\n".join(json.dumps(row, separators=(",", ":")) for row in found["rows"])
    return f'{{"pad": {found["pad"]}, "size": {found["size"]}, "rows": [\n{rows}\n]}}\n'


if __name__ == "__main__":
    if sys.argv[1] == "models":
        models(Path(sys.argv[2]))
    elif sys.argv[1] == "ids":
        print(json.dumps(ids(Path(sys.argv[2]), json.loads(Path(sys.argv[3]).read_text()))))
    else:
        for folder in sorted(p for p in HERE.iterdir() if p.is_dir()):
            (folder / "expected.json").write_text(compact(ids(folder, json.loads((HERE / "texts.json").read_text()))))
