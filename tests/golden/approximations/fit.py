"""Fits the polynomials in src/kernels/simd/math-inl.h: minimax by iteratively reweighted least squares, relative error.

Prints the coefficients, lowest power first, rounded to f32, and the largest relative error before that rounding.
"""
import math

import numpy as np

NODES = np.cos(np.pi * (np.arange(2001) + 0.5) / 2001)


def fit(values, columns, weights, rounds):
    emphasis = np.ones_like(values)
    best = (math.inf, None)
    for _ in range(rounds):
        scale = np.sqrt(emphasis) * weights
        found, *_ = np.linalg.lstsq(columns * scale[:, None], values * scale, rcond=None)
        error = np.abs((columns @ found - values) * weights)
        if error.max() < best[0]:
            best = (error.max(), found)
        emphasis *= error / error.max() + 1e-3
        emphasis /= emphasis.mean()
    return best


def show(name, result):
    error, found = result
    print(f"{name}: relative error {error:.2g}: " + " ".join(f"{float(np.float32(value)):.9g}" for value in found))


def main() -> None:
    # e^r = 1 + r + r² P(r) for |r| <= ln(2) / 2
    r = NODES * math.log(2) / 2 * 1.01
    show("exponential", fit(np.exp(r) - 1 - r, np.stack([r ** (k + 2) for k in range(5)], 1), np.exp(-r), 600))
    # tanh x = x + x³ P(x²) for 0 < x <= 0.625
    x = (NODES + 1) / 2 * 0.625 + 1e-9
    show("tanh", fit(np.tanh(x) - x, np.stack([x ** (2 * k + 3) for k in range(5)], 1), 1 / np.tanh(x), 600))
    # erfc z = e^(-z²) t P(t), t = 1 / (1 + 0.4 z), for 0 <= z <= 10
    z = 10 * ((NODES + 1) / 2) ** 1.5
    scaled = np.array([math.erfc(value) * math.exp(value * value) for value in z])
    t = 1 / (1 + 0.4 * z)
    show("erfc", fit(scaled, np.stack([t ** (k + 1) for k in range(9)], 1), 1 / scaled, 300))


if __name__ == "__main__":
    main()
