"""What a private training gives away, beside opacus: src/train/privacy_accountant_test.cc has the committed goldens
always; slow: other numbers, from opacus itself."""
import math
import os
import pathlib
import random
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROBE = pathlib.Path(os.environ.get("MARQUEE_BIN", ROOT / "build/release/bin")) / "privacy_probe"
sys.path.insert(0, str(ROOT / "tests/golden/privacy"))

WITHIN = 1e-4


def ask(questions):
    done = subprocess.run([PROBE], input="\n".join(questions), capture_output=True, text=True, check=True)
    return [float(line) for line in done.stdout.splitlines()]


@pytest.mark.slow
def test_spent_as_opacus_says():
    pytest.importorskip("opacus", reason="script/test --slow installs it")
    import make_privacy_goldens
    seed = int.from_bytes(os.urandom(4), "little")
    print("seed", seed)
    chance = random.Random(seed)
    cases = [(10 ** chance.uniform(-5, 0), 10 ** chance.uniform(-0.3, 1), chance.randrange(1, 30000),
              10 ** chance.uniform(-9, -2)) for _ in range(200)]
    ours = ask(["spent " + " ".join(map(repr, case)) for case in cases])
    for case, value in zip(cases, ours, strict=True):
        expected = max(0.0, make_privacy_goldens.spent(*case))
        assert math.isclose(value, expected, rel_tol=WITHIN, abs_tol=1e-9), case


@pytest.mark.slow
def test_noise_as_opacus_finds_it():
    pytest.importorskip("opacus", reason="script/test --slow installs it")
    import make_privacy_goldens
    chance = random.Random(7)
    cases = [(10 ** chance.uniform(-0.5, 1), 10 ** chance.uniform(-7, -3), 10 ** chance.uniform(-3, -0.5),
              chance.randrange(10, 5000)) for _ in range(10)]
    ours = ask(["noise " + " ".join(map(repr, case)) for case in cases])
    for case, value in zip(cases, ours, strict=True):
        assert math.isclose(value, make_privacy_goldens.noise(*case), rel_tol=WITHIN), case
