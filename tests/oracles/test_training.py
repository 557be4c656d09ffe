"""Our training core against PyTorch: every layer, loss and optimiser through 20 steps, from the same parameters.

Always against the goldens that tests/golden/training/make_training_goldens.py made; slow: made anew with other numbers."""
import os
import pathlib
import subprocess
import sys

import pytest
from safetensors import safe_open

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests/golden/training"
PROBE = pathlib.Path(os.environ.get("MARQUEE_BIN", ROOT / "build/release/bin")) / "training_probe"

WITHIN = 1e-5  # of max(1, |value|)


def differences(path):
    with safe_open(path, framework="numpy") as file:
        settings = [f"{key}={value}" for key, value in (file.metadata() or {}).items()]
        parameters = {name.removeprefix("after.") for name in file.keys() if name.startswith("after.")}
    done = subprocess.run([PROBE, path, *settings], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = {name: float(value) for name, value in (line.split() for line in done.stdout.splitlines())}
    assert set(found) == parameters | {"losses"}, "a parameter that one side alone has"
    return found


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.safetensors")), ids=lambda path: path.stem)
def test_twenty_steps_come_out_as_in_pytorch(path):
    for name, apart in differences(path).items():
        assert apart <= WITHIN, f"{name} is {apart:g} apart"


def test_there_are_goldens():
    assert len(list(GOLDEN.glob("*.safetensors"))) > 30


@pytest.mark.slow
def test_and_from_other_numbers(tmp_path):
    torch = pytest.importorskip("torch", reason="script/test --slow installs it")
    sys.path.insert(0, str(GOLDEN))
    import make_training_goldens
    torch.manual_seed(int.from_bytes(os.urandom(4), "little"))
    print("seed", torch.initial_seed())
    for case in make_training_goldens.all_cases():
        make_training_goldens.learn(case, tmp_path)
        worst = max(differences(tmp_path / f"{case.name}.safetensors").values())
        assert worst <= 3 * WITHIN, f"{case.name} is {worst:g} apart"
