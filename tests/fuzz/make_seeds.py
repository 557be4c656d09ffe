"""Writes the seeds of fuzz_gguf, fuzz_safetensors and fuzz_tokenizer_json: small files that use every feature.

    .venv/bin/python tests/fuzz/make_seeds.py
"""
import io
import json
import pathlib
import tempfile

import gguf
import numpy as np
import sentencepiece
from gguf import GGMLQuantizationType as Type
from safetensors.numpy import save
from sentencepiece import sentencepiece_model_pb2
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

CORPUS = pathlib.Path(__file__).parent / "corpus"
TEXT = "ab aba ABBA é ba\u0301 12 x's 你好 <s>a</s> [CLS] \t\n  🙂 ab"


def put(name, seed, content):
    folder = CORPUS / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / seed).write_bytes(content)


# GGUF ----------------------------------------------------------------------------------------------------------------

def gguf_bytes(fill, version=3):
    with tempfile.NamedTemporaryFile(suffix=".gguf") as file:
        writer = gguf.GGUFWriter(file.name, "llama")
        fill(writer)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        content = bytearray(pathlib.Path(file.name).read_bytes())
    content[4] = version
    return bytes(content)


def all_types(writer):
    for kind in ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64"):
        getattr(writer, f"add_{kind}")(f"x.{kind}", 1)
    writer.add_bool("x.bool", True)
    writer.add_string("x.string", "text")
    writer.add_array("x.numbers", [1, 2, 3])
    writer.add_array("x.strings", ["a", "bc"])
    writer.add_array("x.nested", [[1, 2], [3]])
    writer.add_custom_alignment(64)
    writer.add_string("tokenizer.chat_template", "{{ messages[0].content }}")


def all_tensors(writer):
    writer.add_tensor("f32", np.zeros((2, 3), np.float32))
    writer.add_tensor("f16", np.zeros((4,), np.float16))
    for kind in (Type.BF16, Type.Q4_0, Type.Q4_1, Type.Q5_0, Type.Q5_1, Type.Q8_0, Type.Q2_K, Type.Q3_K, Type.Q4_K,
                 Type.Q5_K, Type.Q6_K):
        block, size = gguf.GGML_QUANT_SIZES[kind]
        writer.add_tensor(kind.name.lower(), np.zeros((1, size), np.uint8), raw_shape=(1, size), raw_dtype=kind)


def vocabulary(writer, model, tokens, **more):
    writer.add_tokenizer_model(model)
    writer.add_token_list(tokens)
    for name, value in more.items():
        getattr(writer, "add_" + name)(value)


def byte_level(pre):
    tokens = ["<s>", "</s>", "a", "b", "Ġ", "ab", "Ġab", "Ã", "©", "Ã©", "1", "<tool>"]
    return lambda writer: vocabulary(writer, "gpt2", tokens, tokenizer_pre=pre, token_types=[3, 3, *[1] * 9, 4],
                                     token_merges=["a b", "Ġ ab", "Ã ©"], bos_token_id=0, eos_token_id=1,
                                     add_bos_token=True)


def word_piece(writer):
    vocabulary(writer, "bert", ["[UNK]", "[CLS]", "[SEP]", "▁a", "▁b", "b", "a", "▁é"],
               token_types=[2, 3, 3, 1, 1, 1, 1, 1], unk_token_id=0, sep_token_id=2)


def trained(kind):
    """A SentencePiece model of a few tokens with a character map of a few rules."""
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as rules:
        rules.write("41\t61\n42\t62\n61 301\te1\n3000\t20\n")
        rules.flush()
        written = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter([TEXT, "abab ab", "ba ab ba"] * 20), model_writer=written, model_type=kind,
            vocab_size=300 if kind == "bpe" else 32, hard_vocab_limit=False, minloglevel=2, num_threads=1,
            normalization_rule_tsv=rules.name, byte_fallback=kind == "bpe", user_defined_symbols=["<tool>"])
    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString(written.getvalue())
    return proto


def sentencepiece_model(proto, model):
    pieces = list(proto.pieces)
    return lambda writer: vocabulary(
        writer, model, [p.piece for p in pieces], token_types=[p.type for p in pieces],
        token_scores=[p.score for p in pieces], unk_token_id=0, bos_token_id=1, eos_token_id=2, add_space_prefix=True,
        remove_extra_whitespaces=True, precompiled_charsmap=proto.normalizer_spec.precompiled_charsmap)


def make_gguf():
    put("gguf", "types", gguf_bytes(all_types))
    put("gguf", "version2", gguf_bytes(all_types, version=2))
    put("gguf", "tensors", gguf_bytes(all_tensors))
    for pre in ("gpt-2", "smollm", "llama-bpe", "qwen2", "gpt-4o", "deepseek-v3"):
        put("gguf", pre, gguf_bytes(byte_level(pre)) + TEXT.encode())
    put("gguf", "bert", gguf_bytes(word_piece) + TEXT.encode())
    put("gguf", "llama", gguf_bytes(sentencepiece_model(trained("bpe"), "llama")) + TEXT.encode())
    put("gguf", "t5", gguf_bytes(sentencepiece_model(trained("unigram"), "t5")) + TEXT.encode())


# safetensors ---------------------------------------------------------------------------------------------------------

def raw_safetensors(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def make_safetensors():
    put("safetensors", "two", save({"a": np.zeros((2, 3), np.float32), "b": np.zeros((4,), np.float16)}, {"format": "pt"}))
    put("safetensors", "empty", raw_safetensors({}))
    kinds = {"F32": 4, "F16": 2, "BF16": 2, "I64": 8, "U8": 1, "BOOL": 1, "F8_E4M3": 1}
    for kind, size in kinds.items():
        put("safetensors", kind.lower(), raw_safetensors(
            {"t": {"dtype": kind, "shape": [2, 1], "data_offsets": [0, 2 * size]}}, bytes(2 * size)))
    put("safetensors", "scalar", raw_safetensors({"t": {"dtype": "F32", "shape": [], "data_offsets": [0, 4]}}, bytes(4)))
    put("safetensors", "padded", raw_safetensors(
        b'{"a\\u0062":{"shape":[1],"data_offsets":[0,4],"dtype":"F32"},"__metadata__":{"k":"v"}}   ', bytes(4)))


# tokenizer.json ------------------------------------------------------------------------------------------------------

VOCAB = {t: i for i, t in enumerate(["<unk>", "<s>", "</s>", "a", "b", "Ġ", "▁", "ab", "Ġab", "▁ab", "##b", "##a", "é",
                                     "1", "2", "'", "s"])}
MERGES = [("a", "b"), ("Ġ", "ab"), ("▁", "ab")]
BYTES = {f"<0x{byte:02X}>": len(VOCAB) + byte for byte in range(256)}
SPLITS = {
    "llama3": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
              r"|\s+(?!\S)|\s+",
    "numbers": r"\p{N}{1,3}",
}


def charsmap():
    return trained("unigram").normalizer_spec.precompiled_charsmap


def bpe(pre=None, normalizer=None, decoder=None, post=None, vocab=VOCAB, merges=MERGES, **options):
    tokenizer = Tokenizer(models.BPE(vocab, merges, **options))
    return finished(tokenizer, pre, normalizer, decoder, post)


def finished(tokenizer, pre, normalizer, decoder, post):
    for part, value in (("pre_tokenizer", pre), ("normalizer", normalizer), ("decoder", decoder), ("post_processor", post)):
        if value is not None:
            setattr(tokenizer, part, value)
    tokenizer.add_special_tokens([AddedToken("<s>", normalized=False), AddedToken("</s>", rstrip=True, lstrip=True)])
    tokenizer.add_tokens([AddedToken("<tool>", single_word=True), AddedToken("Abba", normalized=True)])
    return tokenizer


def tokenizers_of_every_part():
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    template = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)])
    yield "byte_level", bpe(pre_tokenizers.ByteLevel(), decoder=decoders.ByteLevel(), post=processors.ByteLevel())
    for name, regex in SPLITS.items():
        split = pre_tokenizers.Split(Regex(regex), "isolated")
        yield name, bpe(pre_tokenizers.Sequence([split, level]), normalizers.NFC(), decoders.ByteLevel(), template,
                        ignore_merges=True)
    yield "llama2", bpe(None, normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]),
                        decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
                                           decoders.Strip(" ", 1, 0)]), template,
                        vocab=VOCAB | BYTES, unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    yield "affixes", bpe(pre_tokenizers.Whitespace(), normalizers.Lowercase(), decoders.WordPiece(),
                         vocab=VOCAB | {"a</w>": 17, "##b</w>": 18, "ab</w>": 19}, unk_token="<unk>",
                         merges=[("a", "##b"), ("a", "##b</w>")],
                         continuing_subword_prefix="##", end_of_word_suffix="</w>")
    scores = [(token, -float(i)) for i, token in enumerate(VOCAB)]
    yield "unigram", finished(Tokenizer(models.Unigram(scores, unk_id=0)), pre_tokenizers.Metaspace(),
                              normalizers.Sequence([normalizers.Precompiled(charsmap()), normalizers.Strip(),
                                                    normalizers.Replace(Regex(" {2,}"), " ")]),
                              decoders.Metaspace(), template)
    yield "bert", finished(Tokenizer(models.WordPiece(VOCAB, unk_token="<unk>")), pre_tokenizers.BertPreTokenizer(),
                           normalizers.BertNormalizer(), decoders.WordPiece(),
                           processors.BertProcessing(("</s>", 2), ("<s>", 1)))
    others = pre_tokenizers.Sequence([
        pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation("merged_with_next"), pre_tokenizers.Digits(False),
        pre_tokenizers.CharDelimiterSplit("x"), pre_tokenizers.Split("ab", "merged_with_previous", invert=True)])
    forms = normalizers.Sequence([normalizers.NFD(), normalizers.NFKC(), normalizers.NFKD(), normalizers.StripAccents()])
    yield "others", bpe(others, forms, None, processors.RobertaProcessing(("</s>", 2), ("<s>", 1)))


def make_tokenizer_json():
    for name, tokenizer in tokenizers_of_every_part():
        text = json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False, separators=(",", ":"))
        put("tokenizer_json", name, text.encode() + b"\0" + TEXT.encode())


make_gguf()
make_safetensors()
make_tokenizer_json()
