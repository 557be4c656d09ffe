#!/usr/bin/env python3
"""Writes what gensim and fastText make of words: files of vectors, neighbours, analogies, buckets of n-grams, and how well
they learn the planted text of tests/oracles/words_texts.py with three seeds.

    .venv-slow/bin/python tests/golden/words/make_word_goldens.py

needs gensim and fasttext (tests/requirements-slow.txt); takes about three minutes. How texts are drawn is Python's
random.Random, the same everywhere."""
import json
import pathlib
import sys
import tempfile

import numpy
import gensim
from gensim.models import FastText, KeyedVectors, Word2Vec
from gensim.models.word2vec import LineSentence

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parents[1] / "oracles"))
import words_texts  # noqa: E402


def gensim_settings(settings):
    return {"vector_size": settings["dimensions"], "window": settings["window"], "min_count": settings["min_count"],
            "epochs": settings["epochs"], "alpha": settings.get("rate", 0.025), "sample": settings["sample"],
            "sg": settings.get("model") != "cbow", "hs": settings.get("hierarchical", 0),
            "negative": 0 if settings.get("hierarchical") else settings.get("negative", 5)}


def learn_by_gensim(path, seed, settings):
    model = Word2Vec(LineSentence(str(path)), seed=seed, workers=1, **gensim_settings(settings))
    return words_texts.Vectors(model.wv.index_to_key, model.wv.vectors)


def learn_by_gensim_fasttext(path, seed, settings):
    model = FastText(LineSentence(str(path)), seed=seed, workers=1, min_n=settings["minn"], max_n=settings["maxn"],
                     bucket=settings["buckets"], **gensim_settings(settings))
    return words_texts.Vectors(model.wv.index_to_key, model.wv.vectors)


COMMON = {"dimensions": 50, "window": 5, "min_count": 5, "sample": 0.001, "epochs": 5}
CASES = {
    "skip_gram": {"kind": "word2vec", "settings": COMMON, "peer": learn_by_gensim,
                  "tolerance": {"analogies": 0.03, "purity": 0.03}},
    "skip_gram_hierarchical": {"kind": "word2vec", "settings": COMMON | {"hierarchical": 1}, "peer": learn_by_gensim,
                               "tolerance": {"analogies": 0.03, "purity": 0.03}},
    "cbow": {"kind": "word2vec", "settings": COMMON | {"model": "cbow", "epochs": 10, "rate": 0.05},
             "peer": learn_by_gensim, "tolerance": {"analogies": 0.03, "purity": 0.03}},
    "subwords": {"kind": "word2vec", "settings": COMMON | {"minn": 3, "maxn": 5, "buckets": 100000},
                 "peer": learn_by_gensim_fasttext, "tolerance": {"analogies": 0.03, "purity": 0.03}},
}


def write_files():
    rng = numpy.random.default_rng(7)
    words = ["film", "song", "caf\u00e9", "\u6620\u753b", "king", "queen", "man", "woman"] + [f"w{i}" for i in range(40)]
    vectors = KeyedVectors(12)
    matrix = rng.normal(size=(len(words), 12)).astype(numpy.float32)
    matrix[5] = matrix[4] - matrix[6] + matrix[7] + 0.1 * matrix[5]
    vectors.add_vectors(words, matrix)
    vectors.save_word2vec_format(str(FOLDER / "word2vec.txt"))
    vectors.save_word2vec_format(str(FOLDER / "word2vec.bin"), binary=True)
    vectors.save_word2vec_format(str(FOLDER / "glove.txt"), write_header=False)
    nearest = {word: vectors.most_similar(word, topn=5) for word in words[:4]}
    analogies = []
    for one in (["king", "man", "woman"], ["film", "song", "w3"], ["w1", "w2", "w9"]):
        positive, negative = [one[0], one[2]], [one[1]]
        analogies.append({"words": one, "add": vectors.most_similar(positive, negative, topn=5),
                          "multiply": vectors.most_similar_cosmul(positive, negative, topn=5)})
    return nearest, analogies


def ngrams_of_fasttext(settings):
    import fasttext
    with tempfile.TemporaryDirectory() as folder:
        text = pathlib.Path(folder) / "text"
        text.write_text("some words of no matter\n" * 5, encoding="utf-8")
        model = fasttext.train_unsupervised(str(text), minCount=1, dim=2, epoch=1, thread=1, minn=settings["minn"],
                                            maxn=settings["maxn"], bucket=settings["buckets"], verbose=0)
        known = len(model.get_words())
        return {word: [int(i) - known for i in model.get_subwords(word)[1]]
                for word in ("film", "caf\u00e9", "\u6620\u753b\u9928", "a", "\u00e9", "na\u00efvet\u00e9")}


def main():
    nearest, analogies = write_files()
    settings = {"minn": 2, "maxn": 5, "buckets": 12345}
    planted = {}
    with tempfile.TemporaryDirectory() as folder:
        text = pathlib.Path(folder) / "text"
        for name, case in CASES.items():
            scores = []
            for seed in (1, 2, 3):
                words_texts.planted_text(text, seed)
                scores.append(case["peer"](text, seed, case["settings"]).planted_scores())
            planted[name] = {"kind": case["kind"], "settings": case["settings"], "tolerance": case["tolerance"],
                             "scores": {measure: [round(one[measure], 4) for one in scores] for measure in scores[0]}}
    expected = {"made_by": f"gensim {gensim.__version__}", "nearest": nearest, "analogies": analogies,
                "ngram_settings": settings, "ngrams": ngrams_of_fasttext(settings), "planted": planted}
    (FOLDER / "expected.json").write_text(json.dumps(expected, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
