"""Measures PyTorch's training steps on the CPU: the networks of src/nn/training_bench.cc, eager or by torch.compile.

Reads {"case": ..., "compile": ..., "seconds": ..., "threads": ...} from standard input; prints {"steps_per_s": ...,
"peak_mb": ...}."""

import json
import resource
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F


def mlp():
    network = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 10))
    x, target = torch.rand(128, 784) * 2 - 1, torch.randint(10, (128,))
    return network, lambda: F.cross_entropy(network(x), target)


def cnn():
    network = nn.Sequential(nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3, padding=1),
                            nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4096, 128), nn.ReLU(), nn.Linear(128, 10))
    x, target = torch.rand(64, 3, 32, 32) * 2 - 1, torch.randint(10, (64,))
    return network, lambda: F.cross_entropy(network(x), target)


class LanguageModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.gru, self.out = nn.Embedding(4000, 128), nn.GRU(128, 256), nn.Linear(256, 4000)

    def forward(self, x):
        return self.out(self.gru(self.words(x))[0])


def gru():
    network = LanguageModel()
    x, target = torch.randint(4000, (24, 32)), torch.randint(4000, (24, 32))
    return network, lambda: F.cross_entropy(network(x).flatten(0, 1), target.flatten())


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        layer = nn.TransformerEncoderLayer(384, 12, 1536, activation="gelu", batch_first=True)
        self.words, self.layers = nn.Embedding(30522, 384), nn.TransformerEncoder(layer, 6, enable_nested_tensor=False)
        self.out = nn.Linear(384, 2)

    def forward(self, x):
        return self.out(self.layers(self.words(x)).mean(1))


def encoder():
    network = Classifier()
    x, target = torch.randint(30522, (8, 64)), torch.randint(2, (8,))
    return network, lambda: F.cross_entropy(network(x), target)


CASES = {"mlp": mlp, "cnn": cnn, "gru": gru, "encoder": encoder}


def main() -> dict:
    task = json.load(sys.stdin)
    torch.manual_seed(1)
    torch.set_num_threads(task["threads"])
    network, loss = CASES[task["case"]]()
    network.train()
    if task["compile"]:
        loss = torch.compile(loss)
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3)

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        loss().backward()
        optimiser.step()

    for _ in range(3):
        step()
    steps, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < task["seconds"]:
        step()
        steps += 1
    rate = steps / (time.perf_counter() - begun)
    return {"steps_per_s": rate, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "version": torch.__version__}


print("\n" + json.dumps(main()))
