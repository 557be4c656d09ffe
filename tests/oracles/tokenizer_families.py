"""Small tokenizers of every family, trained by the libraries that our ids are compared with, as tokenizer.json and as GGUF.

The regular expressions are those that the families' published tokenizer.json files hold.
"""
import dataclasses
import io
import json
import unicodedata

import gguf
import sentencepiece
import tokenizer_texts
import tokenizers
from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers, processors, trainers

SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
USER_DEFINED = ["<tool>", "user-defined"]

LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
          r"|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
QWEN2_SPELT_OUT = QWEN2.replace("(?i:'s|'t|'re|'ve|'m|'ll|'d)", "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])")
QWEN35 = QWEN2.replace(r"\p{L}+", r"[\p{L}\p{M}]+").replace(r"[^\s\p{L}\p{N}]", r"[^\s\p{L}\p{M}\p{N}]")
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
TEKKEN = (rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+|[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*|\p{{N}}"
          r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
SUFFIX = "(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
GPT4O = (rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+{SUFFIX}|[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*{SUFFIX}|\p{{N}}{{1,3}}"
         r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
SEED_CODER = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+"
              r"|\s+(?!\S)|\s+")
BAILING = (r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+")
DEEPSEEK3 = ("[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
             "| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+")


@dataclasses.dataclass
class Family:
    """A tokenizer of someone else's and the file that holds the same for ours."""
    reference: object  # a tokenizers.Tokenizer or a sentencepiece processor
    path: object
    sentencepiece: bool = False

    def encode(self, texts, special=False, parse=True):
        if self.sentencepiece:
            return [list(ids) for ids in self.reference.encode(texts, out_type=int)]
        self.reference.encode_special_tokens = not parse
        return [e.ids for e in self.reference.encode_batch(texts, add_special_tokens=special)]

    def special_ids(self):
        """Without the unknown token."""
        added = self.reference.get_added_tokens_decoder().items()
        return {i for i, token in added if token.special and token.content not in ("<unk>", "[UNK]")}

    def unknown_id(self):
        """The one whose text SentencePiece makes up (" ⁇ "), or None."""
        return self.reference.unk_id() if self.sentencepiece else None

    def decode(self, ids):
        if self.sentencepiece:
            return self.reference.decode(ids)
        return self.reference.decode_batch(ids, skip_special_tokens=True)


# Byte-level BPE ------------------------------------------------------------------------------------------------------

def split(regex):
    return pre_tokenizers.Split(Regex(regex), "isolated")


BYTES_ONLY = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
BYTE_LEVEL = {
    "gpt2": pre_tokenizers.ByteLevel(add_prefix_space=False),
    "gpt2-spelt-out": pre_tokenizers.Sequence([split(GPT2), BYTES_ONLY]),
    "roberta": pre_tokenizers.ByteLevel(add_prefix_space=True),
    "smollm": pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True),
                                       pre_tokenizers.ByteLevel(add_prefix_space=False)]),
    "llama3": pre_tokenizers.Sequence([split(LLAMA3), BYTES_ONLY]),
    "qwen2": pre_tokenizers.Sequence([split(QWEN2), BYTES_ONLY]),
    "qwen2-spelt-out": pre_tokenizers.Sequence([split(QWEN2_SPELT_OUT), BYTES_ONLY]),
    "qwen35": pre_tokenizers.Sequence([split(QWEN35), BYTES_ONLY]),
    "tekken": pre_tokenizers.Sequence([split(TEKKEN), BYTES_ONLY]),
    "gpt4o": pre_tokenizers.Sequence([split(GPT4O), BYTES_ONLY]),
    "seed-coder": pre_tokenizers.Sequence([split(SEED_CODER), BYTES_ONLY]),
    "bailing": pre_tokenizers.Sequence([split(BAILING), BYTES_ONLY]),
    "deepseek3": pre_tokenizers.Sequence([split(r"\p{N}{1,3}"), split("[一-龥぀-ゟ゠-ヿ]+"), split(DEEPSEEK3), BYTES_ONLY]),
}
NORMALISED = ("qwen2", "qwen2-spelt-out", "qwen35")
IGNORE_MERGES = ("llama3", "tekken")
GGUF_PRE = {"gpt2": "gpt-2", "smollm": "smollm", "llama3": "llama-bpe", "qwen2": "qwen2", "qwen35": "qwen35",
            "tekken": "tekken", "gpt4o": "gpt-4o", "seed-coder": "seed-coder", "bailing": "bailingmoe",
            "deepseek3": "deepseek-v3"}


def finish_byte_level(tokenizer, name, first=SPECIALS[0]):
    """What a family's tokenizer has around its vocabulary; `first` is the token that begins a text, for some."""
    tokenizer.pre_tokenizer = BYTE_LEVEL[name]
    tokenizer.decoder = decoders.ByteLevel()
    if name in NORMALISED:
        tokenizer.normalizer = normalizers.NFC()
    tokenizer.model.ignore_merges = name in IGNORE_MERGES
    if name in IGNORE_MERGES:
        tokenizer.post_processor = processors.Sequence([
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(single=f"{first} $A", special_tokens=[(first, tokenizer.token_to_id(first))])])
    else:
        tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return tokenizer


def train_byte_level(name, merges=1800):
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = BYTE_LEVEL[name]
    tokenizer.train_from_iterator(tokenizer_texts.training_lines(), trainers.BpeTrainer(
        vocab_size=256 + merges, special_tokens=SPECIALS, show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    # Tokens that no merge makes: where merges are ignored, text may become them all the same.
    state = json.loads(tokenizer.to_str())
    model = state["model"]
    for extra in ("Ġunmergeable", "zqxj", "ĠĠĠĠĠĠĠĠĠ"):
        model["vocab"].setdefault(extra, len(model["vocab"]))
    tokenizer = finish_byte_level(tokenizers.Tokenizer.from_str(json.dumps(state)), name)
    tokenizer.add_tokens([AddedToken(USER_DEFINED[0], normalized=False), AddedToken(USER_DEFINED[1], normalized=False)])
    return tokenizer


def model_of(tokenizer):
    return json.loads(tokenizer.to_str())["model"]


def write_gguf(path, model, tokens, types, pre=None, merges=None, scores=None, numbers={}, booleans={},
               **settings):
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model(model)
    if pre:
        writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    if merges:
        writer.add_token_merges(merges)
    if scores:
        writer.add_token_scores(scores)
    for name, value in settings.items():
        getattr(writer, "add_" + name)(value)
    for key, value in numbers.items():
        writer.add_uint32(key, value)
    for key, value in booleans.items():
        writer.add_bool(key, value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    return path


def byte_level_gguf(path, name, tokenizer):
    by_id = sorted((i, t) for t, i in tokenizer.get_vocab(with_added_tokens=True).items())
    assert [i for i, _ in by_id] == list(range(len(by_id)))
    kinds = {t: gguf.TokenType.CONTROL for t in SPECIALS} | {t: gguf.TokenType.USER_DEFINED for t in USER_DEFINED}
    merges = [m if isinstance(m, str) else " ".join(m) for m in model_of(tokenizer)["merges"]]
    return write_gguf(path, "gpt2", [t for _, t in by_id], [kinds.get(t, gguf.TokenType.NORMAL) for _, t in by_id],
                      GGUF_PRE[name], merges, bos_token_id=0, eos_token_id=2)


class GgufVocabulary:
    """The tokenizer that a GGUF file holds, as the gguf package reads it."""

    def __init__(self, path):
        self.reader = gguf.GGUFReader(path)
        self.tokens, self.types = self.field("tokens"), self.field("token_type")

    def field(self, key):
        return self.reader.fields[f"tokenizer.ggml.{key}"].contents()

    def added(self, kind):
        return [AddedToken(t, normalized=False) for t, its in zip(self.tokens, self.types, strict=True) if its == kind]

    def add_tokens_to(self, tokenizer):
        tokenizer.add_special_tokens(self.added(gguf.TokenType.CONTROL))
        tokenizer.add_tokens(self.added(gguf.TokenType.USER_DEFINED))


def from_byte_level_gguf(path, name):
    """Hugging Face's tokenizer made of what a GGUF file holds."""
    vocabulary = GgufVocabulary(path)
    merges = [tuple(merge.split(" ")) for merge in vocabulary.field("merges")]
    tokenizer = tokenizers.Tokenizer(models.BPE({token: i for i, token in enumerate(vocabulary.tokens)}, merges))
    vocabulary.add_tokens_to(tokenizer)
    return Family(finish_byte_level(tokenizer, name, vocabulary.tokens[vocabulary.field("bos_token_id")]), path)


# SentencePiece -------------------------------------------------------------------------------------------------------

def train_sentencepiece(kind, **options):
    """A processor and its model as the protocol buffer says it."""
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(tokenizer_texts.training_lines()), model_writer=written, model_type=kind,
        vocab_size=2200, character_coverage=0.99, minloglevel=2, hard_vocab_limit=False,
        num_threads=1, **options)
    from sentencepiece import sentencepiece_model_pb2
    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString(written.getvalue())
    return sentencepiece.SentencePieceProcessor(model_proto=written.getvalue()), proto


def sentencepiece_gguf(path, proto):
    """As llama.cpp's converter writes SentencePiece models."""
    pieces = list(proto.pieces)
    kinds = type(pieces[0])
    names = {kinds.NORMAL: gguf.TokenType.NORMAL, kinds.UNKNOWN: gguf.TokenType.UNKNOWN,
             kinds.CONTROL: gguf.TokenType.CONTROL, kinds.USER_DEFINED: gguf.TokenType.USER_DEFINED,
             kinds.UNUSED: gguf.TokenType.UNUSED, kinds.BYTE: gguf.TokenType.BYTE}
    normalizer = proto.normalizer_spec
    settings = {"add_space_prefix": normalizer.add_dummy_prefix,
                "remove_extra_whitespaces": normalizer.remove_extra_whitespaces,
                "unk_token_id": proto.trainer_spec.unk_id, "bos_token_id": proto.trainer_spec.bos_id,
                "eos_token_id": proto.trainer_spec.eos_id}
    if normalizer.precompiled_charsmap:
        settings["precompiled_charsmap"] = normalizer.precompiled_charsmap

    def text(piece):
        return piece.piece.replace("▁", " ") if piece.type == kinds.USER_DEFINED else piece.piece

    unigram = proto.trainer_spec.model_type == proto.trainer_spec.UNIGRAM
    return write_gguf(path, "t5" if unigram else "llama", [text(p) for p in pieces], [names[p.type] for p in pieces],
                      scores=[p.score for p in pieces], **settings)


def merges_of(pieces):
    """The merges of a SentencePiece BPE model, in order: every way to put a token together, by the token's score."""
    ids = {piece: i for i, (piece, _) in enumerate(pieces)}
    merges = []
    for piece, score in pieces:
        cuts = [(piece[:i], piece[i:]) for i in range(1, len(piece))]
        cuts = [cut for cut in cuts if cut[0] in ids and cut[1] in ids]
        merges += [(score, cut) for cut in sorted(cuts, key=lambda cut: (ids[cut[0]], ids[cut[1]]))]
    return [cut for _, cut in sorted(merges, key=lambda merge: -merge[0])]


def pieces_of(proto):
    return [(piece.piece, piece.score) for piece in proto.pieces]


def llama2_json(pieces):
    """How Hugging Face writes Llama 2's SentencePiece model."""
    tokenizer = tokenizers.Tokenizer(models.BPE({piece: i for i, (piece, _) in enumerate(pieces)}, merges_of(pieces),
                                                unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.add_special_tokens([AddedToken(t, normalized=False) for t in ("<unk>", "<s>", "</s>")])
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
                                           decoders.Strip(" ", 1, 0)])
    return tokenizer


def gemma_json(pieces):
    tokenizer = llama2_json(pieces)
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    return tokenizer


def from_llama2_gguf(path):
    vocabulary = GgufVocabulary(path)
    return Family(llama2_json(list(zip(vocabulary.tokens, vocabulary.field("scores"), strict=True))), path)


def unigram_json(proto, byte_fallback):
    """As XLM-R and T5 are written: SentencePiece's own map of characters, then words that begin with ▁."""
    tokenizer = tokenizers.Tokenizer(models.Unigram([(p.piece, p.score) for p in proto.pieces], unk_id=0,
                                                    byte_fallback=byte_fallback))
    tokenizer.add_special_tokens([AddedToken(t, normalized=False) for t in ("<unk>", "<s>", "</s>")])
    tokenizer.normalizer = normalizers.Sequence([
        normalizers.Precompiled(proto.normalizer_spec.precompiled_charsmap), normalizers.Replace(Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 2)])
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    return tokenizer


# WordPiece -----------------------------------------------------------------------------------------------------------

BERT_SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def characters_new_to_bert():
    """Marks, signs and controls of this Python's Unicode that `tokenizers`, whose tables for BERT are older, takes for
    letters."""
    cleaner = normalizers.BertNormalizer(lowercase=False, strip_accents=True, handle_chinese_chars=False)
    cutter = pre_tokenizers.BertPreTokenizer()
    new = []
    for c in map(chr, range(0x80, 0x110000)):
        kind = unicodedata.category(c)
        if kind in ("Mn", "Cf") and cleaner.normalize_str("a" + c) != "a":
            new.append(c)
        elif kind[0] == "P" and len(cutter.pre_tokenize_str("a" + c)) != 2:
            new.append(c)
    return new


def finish_word_piece(tokenizer, cased):
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=not cased)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    ends = [(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")]
    if None not in dict(ends).values():
        tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    return tokenizer


def train_word_piece(cased):
    tokenizer = finish_word_piece(tokenizers.Tokenizer(models.WordPiece(unk_token="[UNK]")), cased)
    tokenizer.train_from_iterator(tokenizer_texts.training_lines(), trainers.WordPieceTrainer(
        vocab_size=2500, special_tokens=BERT_SPECIALS, show_progress=False))
    return finish_word_piece(tokenizer, cased)


def from_word_piece_gguf(path, cased):
    vocabulary = GgufVocabulary(path)
    vocab = {}
    for i, (token, kind) in enumerate(zip(vocabulary.tokens, vocabulary.types, strict=True)):
        plain = token in BERT_SPECIALS or kind != gguf.TokenType.NORMAL
        vocab[token if plain else token[1:] if token.startswith("▁") else "##" + token] = i
    tokenizer = tokenizers.Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    tokenizer.add_special_tokens([AddedToken(token, normalized=False) for token in BERT_SPECIALS])
    return Family(finish_word_piece(tokenizer, cased), path)


def word_piece_gguf(path, tokenizer, cased):
    """GGUF marks the tokens that begin a word with ▁ where BERT marks the others with ##."""
    vocab = sorted((i, t) for t, i in tokenizer.get_vocab().items())
    tokens, types = [], []
    for _, token in vocab:
        control = token in BERT_SPECIALS
        types.append(gguf.TokenType.CONTROL if control else gguf.TokenType.NORMAL)
        tokens.append(token if control else token[2:] if token.startswith("##") and len(token) > 2 else "▁" + token)
    return write_gguf(path, "bert", tokens, types, unk_token_id=1, sep_token_id=3, pad_token_id=0, mask_token_id=4,
                      numbers={"tokenizer.ggml.cls_token_id": 2},
                      booleans={"tokenizer.ggml.normalizer.lowercase": not cased})
