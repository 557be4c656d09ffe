#!/usr/bin/env python3
"""What PyTorch makes of small networks in 20 steps, for tests/oracles/test_training.py.

    .venv-slow/bin/python tests/golden/training/make_training_goldens.py [FOLDER]

Each case becomes one safetensors file: `input.*` (and `target`), the parameters before (`before.*`) and after (`after.*`,
buffers too), the loss of every step (`losses`), and in the header's metadata what the network and the optimiser are, as
tests/oracles/training_probe.cc reads it. Images have their channels last there; weights are as PyTorch has them.
"""
import pathlib
import sys
from dataclasses import dataclass, field

import numpy as np
import torch
from safetensors.numpy import save_file
from torch import nn
from torch.nn import functional as F

STEPS = 20


@dataclass
class Case:
    """A network, what it is fed, and how it learns. `run(network, inputs)` gives the loss."""
    name: str
    network: nn.Module
    inputs: dict[str, torch.Tensor]
    run: object
    metadata: dict[str, str] = field(default_factory=dict)
    optimiser: object = None  # of (parameters); by default SGD
    optimiser_metadata: dict[str, str] = field(default_factory=lambda: {"method": "sgd", "rate": "0.05"})
    clip: float = 0.0


class Lion(torch.optim.Optimizer):
    """arXiv:2302.06675, algorithm 2."""

    def __init__(self, parameters, lr, betas, weight_decay):
        super().__init__(parameters, dict(lr=lr, betas=betas, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                average = self.state[p].setdefault("average", torch.zeros_like(p))
                beta1, beta2 = group["betas"]
                direction = torch.sign(beta1 * average + (1 - beta1) * p.grad)
                p.mul_(1 - group["lr"] * group["weight_decay"]).sub_(group["lr"] * direction)
                average.mul_(beta2).add_(p.grad, alpha=1 - beta2)


def seeded(*shape):
    return torch.randn(*shape)


def squared(outputs, target):
    return F.mse_loss(outputs, target)


def mlp():
    return nn.Sequential(nn.Linear(6, 9), nn.Tanh(), nn.Linear(9, 4))


def optimiser_cases():
    """One small network under every optimiser."""
    def case(name, optimiser, clip=0.0, **settings):
        inputs = {"x": seeded(8, 6), "target": seeded(8, 4)}
        metadata = {"network": "mlp"}
        return Case("optimiser_" + name, mlp(), inputs, lambda n, i: squared(n(i["x"]), i["target"]), metadata, optimiser,
                    {key: str(value) for key, value in (settings | {"clip": clip}).items()}, clip)

    sgd, adam = torch.optim.SGD, torch.optim.Adam
    yield case("sgd", lambda p: sgd(p, lr=0.1, weight_decay=0.01), method="sgd", rate=0.1, weight_decay=0.01)
    yield case("momentum", lambda p: sgd(p, lr=0.05, momentum=0.9, dampening=0.1), method="sgd", rate=0.05, momentum=0.9,
               dampening=0.1)
    yield case("nesterov", lambda p: sgd(p, lr=0.05, momentum=0.9, nesterov=True), method="sgd", rate=0.05, momentum=0.9,
               nesterov=1)
    yield case("adagrad", lambda p: torch.optim.Adagrad(p, lr=0.1), method="adagrad", rate=0.1)
    yield case("rmsprop", lambda p: torch.optim.RMSprop(p, lr=0.01), method="rmsprop", rate=0.01)
    yield case("rmsprop_momentum", lambda p: torch.optim.RMSprop(p, lr=0.01, momentum=0.5, weight_decay=0.02),
               method="rmsprop", rate=0.01, momentum=0.5, weight_decay=0.02)
    yield case("adadelta", lambda p: torch.optim.Adadelta(p, lr=1.0), method="adadelta", rate=1.0)
    yield case("adam", lambda p: adam(p, lr=0.01, weight_decay=0.05), method="adam", rate=0.01, weight_decay=0.05)
    yield case("adamw", lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.05), method="adamw", rate=0.01,
               weight_decay=0.05)
    yield case("lion", lambda p: Lion(p, lr=0.003, betas=(0.9, 0.99), weight_decay=0.05), method="lion", rate=0.003,
               weight_decay=0.05)
    yield case("clipped", lambda p: sgd(p, lr=0.5), clip=0.1, method="sgd", rate=0.5)


def channels_last(x):
    return x.permute(0, 2, 3, 1).contiguous()


class Images(nn.Module):
    """A convolution between two layouts: fed and compared with channels last."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return channels_last(self.layer(x.permute(0, 3, 1, 2)))


def image_cases():
    def case(name, layer, shape, **metadata):
        x = seeded(*shape)
        network = Images(layer)
        target = seeded(*network(x).shape)
        inputs = {"x": x, "target": target}
        return Case(name, network, inputs, lambda n, i: squared(n(i["x"]), i["target"]),
                    {"network": metadata.pop("network"), **{k: str(v) for k, v in metadata.items()}})

    yield case("conv2d", nn.Conv2d(3, 5, 3), (2, 6, 7, 3), network="conv2d")
    yield case("conv2d_strided", nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=2),
               (2, 7, 6, 4), network="conv2d", stride="2 1", padding="1 2", dilation="1 2", groups=2)
    yield case("conv_transpose2d", nn.ConvTranspose2d(4, 3, 3, stride=2, padding=1, output_padding=1), (2, 4, 5, 4),
               network="conv_transpose2d", stride="2 2", padding="1 1", output_padding="1 1")
    yield case("max_pool", nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2)), (2, 8, 8, 3),
               network="conv_max_pool")
    yield case("average_pool", nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AvgPool2d(3, 2, 1)), (2, 8, 8, 3),
               network="conv_average_pool")
    yield case("batch_norm", nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)), (4, 5, 5, 3), network="conv_batch_norm")


class Recurrent(nn.Module):
    def __init__(self, kind, **options):
        super().__init__()
        self.layer = kind(5, 4, **options)

    def forward(self, x, lengths):
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
        outputs, last = self.layer(packed)
        outputs, _ = nn.utils.rnn.pad_packed_sequence(outputs, total_length=x.shape[0])
        states = last if isinstance(last, tuple) else (last,)
        return torch.cat([outputs.flatten(), *(state.flatten() for state in states)])


def sequence_cases():
    lengths = torch.tensor([6, 3, 5])
    for name, kind, options in (("rnn", nn.RNN, {}), ("gru", nn.GRU, {}), ("lstm", nn.LSTM, {}),
                                ("gru_deep", nn.GRU, {"num_layers": 2, "bidirectional": True}),
                                ("lstm_deep", nn.LSTM, {"num_layers": 2, "bidirectional": True})):
        network = Recurrent(kind, **options)
        x = seeded(6, 3, 5)
        inputs = {"x": x, "lengths": lengths.to(torch.int32), "target": seeded(*network(x, lengths).shape)}
        yield Case(name, network, inputs, lambda n, i: squared(n(i["x"], lengths), i["target"]),
                   {"network": name.split("_")[0], "layers": str(options.get("num_layers", 1)),
                    "bidirectional": str(int(options.get("bidirectional", False)))})


class Attending(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.MultiheadAttention(8, 2, batch_first=True)
        nn.init.normal_(self.layer.in_proj_bias)  # zero otherwise: what is wrong with it would not show

    def forward(self, query, memory, lengths):
        padding = torch.arange(memory.shape[1])[None, :] >= lengths[:, None]
        return self.layer(query, memory, memory, key_padding_mask=padding, need_weights=False)[0]


class Encoding(nn.Module):
    def __init__(self, norm_first):
        super().__init__()
        layer = nn.TransformerEncoderLayer(8, 2, 12, dropout=0.0, activation="gelu", batch_first=True, norm_first=norm_first)
        self.layer = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

    def forward(self, x, lengths):
        padding = torch.arange(x.shape[1])[None, :] >= lengths[:, None]
        y = self.layer(x, src_key_padding_mask=padding)
        return y * (~padding)[:, :, None]


class Decoding(nn.Module):
    def __init__(self):
        super().__init__()
        layer = nn.TransformerDecoderLayer(8, 2, 12, dropout=0.0, batch_first=True)
        self.layer = nn.TransformerDecoder(layer, 2)

    def forward(self, x, memory):
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1])
        return self.layer(x, memory, tgt_mask=mask, tgt_is_causal=True)


def attention_cases():
    lengths = torch.tensor([5, 3])
    query, memory = seeded(2, 4, 8), seeded(2, 5, 8)
    inputs = {"x": query, "memory": memory, "lengths": lengths.to(torch.int32), "target": seeded(2, 4, 8)}
    yield Case("attention", Attending(), inputs, lambda n, i: squared(n(i["x"], i["memory"], lengths), i["target"]),
               {"network": "attention"})
    for norm_first in (False, True):
        inputs = {"x": seeded(2, 5, 8), "lengths": lengths.to(torch.int32), "target": seeded(2, 5, 8)}
        yield Case("encoder_norm_first" if norm_first else "encoder", Encoding(norm_first), inputs,
                   lambda n, i: squared(n(i["x"], lengths), i["target"]),
                   {"network": "encoder", "norm_first": str(int(norm_first))})
    inputs = {"x": seeded(2, 4, 8), "memory": seeded(2, 5, 8), "target": seeded(2, 4, 8)}
    yield Case("decoder", Decoding(), inputs, lambda n, i: squared(n(i["x"], i["memory"]), i["target"]),
               {"network": "decoder"})


class Embedded(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(7, 5, padding_idx=2)
        self.norm = nn.LayerNorm(5)
        self.scale = nn.RMSNorm(5, eps=1e-6)
        self.out = nn.Linear(5, 3, bias=False)

    def forward(self, x):
        return self.out(self.scale(self.norm(self.embedding(x))))


def activation_cases():
    for name, layer in (("identity", nn.Identity()), ("silu", nn.SiLU()), ("gelu_tanh", nn.GELU("tanh")),
                        ("gelu_erf", nn.GELU()), ("relu", nn.ReLU()), ("leaky_relu", nn.LeakyReLU()), ("tanh", nn.Tanh()),
                        ("sigmoid", nn.Sigmoid())):
        network = nn.Sequential(nn.Linear(6, 9), layer, nn.Linear(9, 4))
        yield Case("linear_" + name, network, {"x": seeded(8, 6), "target": seeded(8, 4)},
                   lambda n, i: squared(n(i["x"]), i["target"]), {"network": "mlp", "activation": name})


def loss_cases():
    def case(name, function, target, outputs=4, **metadata):
        network = nn.Sequential(nn.Linear(6, 9), nn.Tanh(), nn.Linear(9, outputs))
        return Case("loss_" + name, network, {"x": seeded(8, 6), "target": target}, lambda n, i: function(n(i["x"]), i["target"]),
                    {"network": "mlp", "loss": metadata.pop("loss", name), **{k: str(v) for k, v in metadata.items()}})

    classes = torch.tensor([0, 3, -100, 2, 2, 1, 0, 3])
    weights = torch.tensor([1.0, 0.2, 3.0, 0.5])
    signs = torch.sign(seeded(8, 4))
    yield case("cross_entropy", F.cross_entropy, classes)
    yield case("smoothed", lambda y, t: F.cross_entropy(y, t, weight=weights, label_smoothing=0.1), classes,
               loss="cross_entropy", smoothing=0.1, class_weights="1.0 0.2 3.0 0.5")
    yield case("binary", lambda y, t: F.binary_cross_entropy_with_logits(y, t, pos_weight=torch.tensor(2.5)),
               (signs + 1) / 2, positive_weight=2.5)
    yield case("huber", lambda y, t: F.huber_loss(y, t, delta=0.5), seeded(8, 4), delta=0.5)
    yield case("hinge", lambda y, t: (1 - t * y).clamp(min=0).mean(), signs)
    yield case("triplet", lambda y, t: F.triplet_margin_loss(y[:, :4], y[:, 4:8], y[:, 8:], margin=1.5), seeded(1), 12,
               margin=1.5)
    yield case("cosine", lambda y, t: F.cosine_embedding_loss(y[:, :4], y[:, 4:], t, margin=0.2), torch.sign(seeded(8)), 8,
               margin=0.2)
    indices = torch.tensor([[1, 2, 0], [6, 3, 3]])
    yield Case("embedding_norms", Embedded(), {"x": indices.to(torch.int32), "target": seeded(2, 3, 3)},
               lambda n, i: squared(n(i["x"].long()), i["target"]), {"network": "embedding_norms"})
    signal = nn.ModuleDict({"layer": nn.Conv1d(3, 4, 3, stride=2, padding=1)})
    yield Case("conv1d", signal, {"x": seeded(2, 7, 3), "target": seeded(2, 4, 4)},
               lambda n, i: squared(n["layer"](i["x"].transpose(1, 2)).transpose(1, 2), i["target"]),
               {"network": "conv1d", "stride": "1 2", "padding": "0 1"})


def all_cases():
    for group in (optimiser_cases, image_cases, sequence_cases, attention_cases, activation_cases, loss_cases):
        yield from group()


def as_numpy(tensor):
    return np.ascontiguousarray(tensor.detach().numpy())


def state(network, prefix):
    """Parameters and buffers by name."""
    named = [(name, t) for name, t in network.state_dict().items() if not name.endswith("num_batches_tracked")]
    return {prefix + name: as_numpy(t.clone()) for name, t in named}


def learn(case, folder):
    network = case.network.train()
    tensors = {f"input.{name}": as_numpy(tensor) for name, tensor in case.inputs.items()}
    tensors |= state(network, "before.")
    optimiser = case.optimiser(network.parameters()) if case.optimiser else torch.optim.SGD(network.parameters(), lr=0.05)
    losses = []
    for _ in range(STEPS):
        optimiser.zero_grad()
        loss = case.run(network, case.inputs)
        loss.backward()
        if case.clip:
            torch.nn.utils.clip_grad_norm_(network.parameters(), case.clip)
        optimiser.step()
        losses.append(loss.item())
    tensors |= state(network, "after.")
    tensors["losses"] = np.array(losses, dtype=np.float32)
    save_file(tensors, folder / f"{case.name}.safetensors", {**case.metadata, **case.optimiser_metadata})


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(20_261_127)
    torch.set_num_threads(1)
    for case in all_cases():
        learn(case, folder)


if __name__ == "__main__":
    main()
