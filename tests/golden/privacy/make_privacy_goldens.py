#!/usr/bin/env python3
"""What opacus says that a training gives away, for src/train/privacy_accountant_test.cc and tests/oracles/test_privacy.py.

    .venv-slow/bin/python tests/golden/privacy/make_privacy_goldens.py

Writes opacus.json beside this file: "spent" holds [sample_rate, noise_multiplier, steps, delta, epsilon] of its
RDPAccountant, "noise" holds [epsilon, delta, sample_rate, steps, noise_multiplier] of get_noise_multiplier. The accountants
are deterministic; the tests allow 1e-4 of the value.
"""
import functools
import importlib.metadata
import itertools
import json
import pathlib
import warnings

from opacus.accountants import RDPAccountant
from opacus.accountants.analysis import rdp
from opacus.accountants.utils import get_noise_multiplier

RATES = [1e-4, 1e-3, 0.01, 0.04, 0.1, 0.5, 0.9, 1.0]
NOISES = [0.4, 0.7, 1.0, 1.3, 2.0, 4.0, 10.0]
STEPS = [1, 100, 1000, 20000]
DELTAS = [1e-3, 1e-5, 1e-7]


@functools.cache
def divergences(rate, noise):
    """Of one step. RDPAccountant computes them anew for each number of steps, which takes minutes where q is large."""
    return rdp.compute_rdp(q=rate, noise_multiplier=noise, steps=1, orders=RDPAccountant.DEFAULT_ALPHAS)


def spent(rate, noise, steps, delta):
    """What RDPAccountant.get_epsilon() does with a history of such steps."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the best order is the largest or smallest
        epsilon, _ = rdp.get_privacy_spent(orders=RDPAccountant.DEFAULT_ALPHAS, rdp=steps * divergences(rate, noise),
                                           delta=delta)
    return float(epsilon)


def noise(epsilon, delta, rate, steps):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return get_noise_multiplier(target_epsilon=epsilon, target_delta=delta, sample_rate=rate, steps=steps,
                                    accountant="rdp")


def main():
    table = {"opacus": importlib.metadata.version("opacus"), "spent": [], "noise": []}
    for rate, sigma, steps, delta in itertools.product(RATES, NOISES, STEPS, DELTAS):
        table["spent"].append([rate, sigma, steps, delta, spent(rate, sigma, steps, delta)])
    for epsilon, delta, rate, steps in itertools.product([0.5, 1.0, 3.0, 10.0], [1e-5], [0.001, 0.02, 0.2, 1.0], [100, 5000]):
        table["noise"].append([epsilon, delta, rate, steps, noise(epsilon, delta, rate, steps)])
    lines = ",\n".join(f'"{key}": ' + ("[\n" + ",\n".join(json.dumps(row) for row in value) + "]"
                                       if isinstance(value, list) else json.dumps(value)) for key, value in table.items())
    (pathlib.Path(__file__).parent / "opacus.json").write_text("{" + lines + "}\n")


if __name__ == "__main__":
    main()
