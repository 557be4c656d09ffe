#!/usr/bin/env python3
"""Makes minilm.json: texts and the vectors that PyTorch finds for them with all-minilm-l6-v2 (mean of the last states,
at length 1), rounded to six digits.

    python make_minilm.py FOLDER      # the model's folder; needs torch and transformers; made with transformers 5.15.1
"""
import json
import sys
from pathlib import Path

import numpy as np
import torch
import transformers

HERE = Path(__file__).resolve().parent
TEXTS = [
    "A heist film set in Lisbon, told backwards.",
    "Two thieves plan one last job in Portugal.",
    "The dragon sleeps under the mountain, and nobody dares to wake it.",
    "How do I reset my password?",
    "naïve café — Ünïcödé, 東京 & emoji 🎬!",
    "x",
    "Quarterly figures: revenue 12,345.67 (up 8.9 %), costs 9,876.54.",
    "She wrote songs about rain. " * 25,
]


def vectors_of(folder, texts):
    """@return float32 [texts][hidden]"""
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_file=str(Path(folder) / "tokenizer.json"))
    tokenizer.backend_tokenizer.no_padding()
    tokenizer.backend_tokenizer.enable_truncation(512)
    model = transformers.AutoModel.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    found = []
    for text in texts:
        ids = torch.tensor([tokenizer.backend_tokenizer.encode(text).ids])
        with torch.no_grad():
            states = model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state[0]
        found.append(torch.nn.functional.normalize(states.mean(dim=0), dim=0).numpy())
    return np.stack(found)


if __name__ == "__main__":
    vectors = vectors_of(sys.argv[1], TEXTS)
    rounded = [[round(float(value), 6) for value in vector] for vector in vectors]
    rows = ",\n".join(json.dumps(vector, separators=(",", ":")) for vector in rounded)
    texts = json.dumps(TEXTS, ensure_ascii=False, indent=1)
    (HERE / "minilm.json").write_text(f'{{"texts": {texts},\n"vectors": [\n{rows}\n]}}\n', encoding="utf-8")
