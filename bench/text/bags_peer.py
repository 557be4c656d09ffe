"""Times TF-IDF fit and transform of the same texts by Marquee and by scikit-learn, one after the other in each round.

    bench/text/bags_peer.py TEXTS.jsonl [--rounds 5] [--threads 2] [--options JSON] [--probe build/release/bin/bags_probe]

TEXTS.jsonl has one JSON string a line. Needs scikit-learn. First compares what both find (columns, entries and the sum of
all values), then prints one JSON object: seconds of every round and of CPU time (which other work on the machine disturbs
less), the ratio of each, peak memory of either's process before and after. Each round is a process of its own. scikit-learn has no threads here.

    bench/text/bags_peer.py --generate 50000 TEXTS.jsonl

writes so many texts of words as frequent as in a language (Zipf), always the same ones."""
import argparse
import itertools
import json
import pathlib
import random
import resource
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TF_IDF = {"idf": True, "norm": "l2"}


def generate(path, count):
    chance = random.Random(42)
    consonants, vowels = "bcdfghjklmnprstvwz", "aeiou"
    words = sorted({"".join(chance.choice(consonants) + chance.choice(vowels) for _ in range(chance.randrange(1, 5)))
                    for _ in range(60000)})
    chance.shuffle(words)
    weights = list(itertools.accumulate(1.0 / (rank + 3) for rank in range(len(words))))
    with path.open("w", encoding="utf-8") as file:
        for _ in range(count):
            chosen = chance.choices(words, cum_weights=weights, k=chance.randrange(20, 120))
            text = " ".join(chosen).capitalize() + "."
            file.write(json.dumps(text) + "\n")


def sklearn_round(path, options):
    """In a process of its own: prints what the probe's task `time` prints."""
    sys.path.insert(0, str(ROOT / "tests/oracles"))
    import bag_cases
    vectoriser = bag_cases.sklearn_vectoriser(options)
    texts = [json.loads(line) for line in path.open(encoding="utf-8")]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    begin, cpu_begin = time.perf_counter(), time.process_time()
    rows = vectoriser.fit_transform(texts)
    seconds, cpu_seconds = time.perf_counter() - begin, time.process_time() - cpu_begin
    print(json.dumps({"seconds": [seconds], "cpu_seconds": [cpu_seconds], "columns": rows.shape[1], "entries": rows.nnz, "sum": float(rows.sum()),
                      "before_mb": before, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


def compare(arguments):
    options = json.loads(arguments.options)
    task = {"task": "time", "options": options, "texts": str(arguments.texts), "threads": arguments.threads, "rounds": 1}
    sides = {
        "marquee": lambda: subprocess.run([arguments.probe], input=json.dumps(task), capture_output=True, text=True,
                                          check=True).stdout,
        "scikit-learn": lambda: subprocess.run(
            [sys.executable, __file__, str(arguments.texts), "--worker", "--options", arguments.options],
            capture_output=True, text=True, check=True).stdout,
    }
    rounds = {name: [] for name in sides}
    for _ in range(arguments.rounds):
        for name, run in sides.items():
            rounds[name].append(json.loads(run()))
    ours, theirs = rounds["marquee"], rounds["scikit-learn"]
    same = (ours[0]["columns"], ours[0]["entries"]) == (theirs[0]["columns"], theirs[0]["entries"])
    if not same or abs(ours[0]["sum"] - theirs[0]["sum"]) > 1e-5 * abs(theirs[0]["sum"]):
        raise SystemExit(f"the answers differ: {ours[0]} and {theirs[0]}")
    ratios, cpu_ratios = ([peer[key][0] / own[key][0] for own, peer in zip(ours, theirs)]
                          for key in ("seconds", "cpu_seconds"))
    report = {"options": options, "threads": arguments.threads, "columns": ours[0]["columns"],
              "entries": ours[0]["entries"], "ratio_median": round(sorted(ratios)[len(ratios) // 2], 2),
              "ratios": [round(ratio, 2) for ratio in ratios],
              "cpu_ratios": [round(ratio, 2) for ratio in cpu_ratios]}
    for name, found in rounds.items():
        report[name] = {"seconds": [round(one["seconds"][0], 4) for one in found],
                        "cpu_seconds": [round(one["cpu_seconds"][0], 4) for one in found],
                        "before_mb": round(max(one["before_mb"] for one in found), 1),
                        "peak_mb": round(max(one["peak_mb"] for one in found), 1)}
    print(json.dumps(report, indent=1))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("texts", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--options", default=json.dumps(TF_IDF))
    parser.add_argument("--probe", default=str(ROOT / "build/release/bin/bags_probe"))
    parser.add_argument("--generate", type=int)
    parser.add_argument("--worker", action="store_true")
    arguments = parser.parse_args()
    if arguments.generate:
        generate(arguments.texts, arguments.generate)
    elif arguments.worker:
        sklearn_round(arguments.texts, json.loads(arguments.options))
    else:
        compare(arguments)


if __name__ == "__main__":
    main()
