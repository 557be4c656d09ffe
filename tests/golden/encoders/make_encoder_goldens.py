#!/usr/bin/env python3
"""Makes the tiny encoders that src/text/encoder_test.cc loads, and the states and logits that transformers computes with
them, each text by itself and without padding.

Every model is randomly initialised with a fixed seed. For each feature that a case is there to prove (token types, the
row of the first position, ...) the script also computes without it and refuses to write a case in which that makes no
difference. Some cases have a tokenizer of letters, so that tests/http can serve them.

    python make_encoder_goldens.py    # needs torch, transformers, safetensors, tokenizers; made with transformers 5.15.1

Written beside this script: NAME/config.json, NAME/model.safetensors, NAME/tokenizer.json and NAME/expected.bin,
little-endian: int32 texts, hidden, labels; for each text int32 tokens, second_from (-1: none), ids[tokens]; then float32
states[tokens of all texts][hidden] and logits[texts][labels].
"""
import copy
import json
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import tokenizers
import torch
import transformers
from safetensors.torch import save_file

HERE = Path(__file__).resolve().parent
VOCABULARY = 128
LENGTHS = (1, 9, 24, 40)
torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)


@dataclass
class Case:
    name: str
    config: object
    seed: int
    model: type = transformers.AutoModelForSequenceClassification
    pair: bool = False           # every text but the first is two, the second of token type 1
    padding: int | None = None   # an id put inside the texts
    older_names: bool = False    # norms' gamma and beta, as the first checkpoints have them
    tokenizer: bool = False
    proves: list = field(default_factory=list)  # each must change the states when it replaces what the config says


def initialise(model, seed):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if "norm" in name.lower():
                parameter.copy_((0.0 if name.endswith("bias") else 1.0) + 0.2 * noise)
            elif parameter.ndim == 1:
                parameter.copy_(0.3 * noise)
            elif "embeddings" in name:
                parameter.copy_(0.7 * noise)
            else:
                parameter.copy_(1.4 * noise / parameter.shape[1]**0.5)


def build(case, config, state=None):
    config = copy.deepcopy(config)
    config._attn_implementation = "eager"
    model = case.model.from_config(config, dtype=torch.float32)
    if state is not None:
        model.load_state_dict(state, strict=False)
    return model.eval()


def make_texts(case):
    random = np.random.RandomState(case.seed)
    texts = []
    for index, length in enumerate(LENGTHS):
        ids = random.randint(5, VOCABULARY, size=length)
        if case.padding is not None and length > 4:
            ids[length // 2] = case.padding
        texts.append((ids.tolist(), length // 3 if case.pair and index > 0 else -1))
    return texts


def run(case, model, texts):
    """States of all tokens, and logits of all texts."""
    states, logits = [], []
    for ids, second_from in texts:
        inputs = {"input_ids": torch.tensor([ids]), "attention_mask": torch.ones(1, len(ids), dtype=torch.long)}
        if second_from >= 0:
            inputs["token_type_ids"] = (torch.arange(len(ids))[None] >= second_from).long()
        with torch.no_grad():
            states.append(model.base_model(**inputs).last_hidden_state[0])
            if model.config.architectures:
                logits.append(model(**inputs).logits)
    return torch.cat(states), torch.cat(logits) if logits else torch.zeros(len(texts), 0)


def relative_difference(a, b):
    return ((a - b).abs().amax(dim=-1) / b.abs().amax(dim=-1)).max().item()


def write_expected(path, texts, states, logits):
    with open(path, "wb") as file:
        file.write(np.array([len(texts), states.shape[1], logits.shape[1]], dtype="<i4").tobytes())
        for ids, second_from in texts:
            file.write(np.array([len(ids), second_from, *ids], dtype="<i4").tobytes())
        file.write(states.numpy().astype("<f4").tobytes())
        file.write(logits.numpy().astype("<f4").tobytes())


def letters_tokenizer():
    """WordPiece over letters, digits and some words: 128 tokens."""
    words = "the a film good bad great story heist love boat sea night king song".split()
    signs = list("abcdefghijklmnopqrstuvwxyz0123456789.,!?'-")
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *signs, *("##" + sign for sign in signs[:36]),
              *(word for word in words if len(word) > 1)]
    pieces += [f"[unused{i}]" for i in range(VOCABULARY - len(pieces))]
    vocabulary = {piece: index for index, piece in enumerate(pieces)}
    assert len(vocabulary) == VOCABULARY
    made = tokenizers.Tokenizer(tokenizers.models.WordPiece(vocabulary, unk_token="[UNK]"))
    made.normalizer = tokenizers.normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    made.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    made.decoder = tokenizers.decoders.WordPiece()
    made.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    return made


def save_folder(case, model, folder):
    state = {name: value.contiguous() for name, value in model.state_dict().items()}
    if case.older_names:
        state = {name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): value
                 for name, value in state.items()}
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    model.config.save_pretrained(folder)
    if case.tokenizer:
        letters_tokenizer().save(str(folder / "tokenizer.json"))


def make(case, root=HERE):
    folder = root / case.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    model = build(case, case.config)
    initialise(model, case.seed)
    if case.model is not transformers.AutoModel:
        model.config.architectures = [type(model).__name__]
    texts = make_texts(case)
    states, logits = run(case, model, texts)
    for change in case.proves:
        altered = copy.deepcopy(case.config)
        for key, value in change.items():
            setattr(altered, key, value)
        difference = relative_difference(run(case, build(case, altered, model.state_dict()), texts)[0], states)
        if difference < 0.02:
            sys.exit(f"{case.name}: {change} changes the states by {difference:.1e} only; the case proves nothing")
    if case.pair:
        plain = run(case, model, [(ids, -1) for ids, _ in texts])[0]
        assert relative_difference(plain, states) > 0.02, "token types make no difference"
    save_folder(case, model, folder)
    write_expected(folder / "expected.bin", texts, states, logits)
    print(f"{case.name}: {sum(p.numel() for p in model.parameters())} parameters")


def names(*labels):
    return {"id2label": dict(enumerate(labels)), "label2id": {label: i for i, label in enumerate(labels)},
            "num_labels": len(labels)}


def bert(**changes):
    values = dict(vocab_size=VOCABULARY, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
                  intermediate_size=64, max_position_embeddings=48)
    return transformers.BertConfig(**values | changes)


def roberta(kind, **changes):
    values = dict(vocab_size=VOCABULARY, hidden_size=48, num_hidden_layers=2, num_attention_heads=3,
                  intermediate_size=80, max_position_embeddings=50, type_vocab_size=1, pad_token_id=1, bos_token_id=0,
                  eos_token_id=2)
    return kind(**values | changes)


def distilbert(**changes):
    values = dict(vocab_size=VOCABULARY, dim=32, n_layers=2, n_heads=2, hidden_dim=96, max_position_embeddings=48)
    return transformers.DistilBertConfig(**values | changes)


def all_cases():
    return [
        Case("bert", bert(), 1, transformers.AutoModel, pair=True, tokenizer=True,
             proves=[{"hidden_act": "relu"}, {"layer_norm_eps": 0.3}]),
        Case("bert_gelu_tanh", bert(hidden_act="gelu_new", layer_norm_eps=0.1, hidden_size=36), 2,
             transformers.AutoModel, older_names=True, proves=[{"layer_norm_eps": 1e-12}]),
        Case("bert_entailment", bert(**names("contradiction", "neutral", "entailment")), 3, pair=True, tokenizer=True),
        Case("bert_cross_encoder", bert(**names("LABEL_0")), 4, pair=True, tokenizer=True),
        Case("distilbert", distilbert(), 5, transformers.AutoModel, proves=[{"activation": "relu"}]),
        Case("distilbert_labels", distilbert(problem_type="multi_label_classification",
                                             **names("drama", "comedy", "heist", "romance")), 6, tokenizer=True),
        Case("roberta_labels", roberta(transformers.RobertaConfig, **names("NEGATIVE", "POSITIVE")), 7, padding=1),
        Case("xlm_roberta", roberta(transformers.XLMRobertaConfig), 8, transformers.AutoModel),
    ]


if __name__ == "__main__":
    for one in all_cases():
        make(one)
