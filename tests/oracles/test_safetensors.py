"""What we write as safetensors, read by the format's own library."""
import os
import pathlib
import subprocess

import numpy as np
from safetensors import safe_open

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROBE = pathlib.Path(os.environ.get("MARQUEE_BIN", ROOT / "build/release/bin")) / "safetensors_probe"


def test_its_own_library_reads_what_we_write(tmp_path):
    path = tmp_path / "x.safetensors"
    subprocess.run([PROBE, path], check=True)
    expected = {
        "bytes": np.array([1, 2, 255], np.uint8),
        "layer.0.weight": np.array([[1, -2.5, 3e38], [0, 1e-40, 7]], np.float32),
        'naïve "name"': np.array([[[1], [-2]]], np.float16),
        "wholes": np.array([-1, 2**63 - 1]),
        "scalar": np.array(-2.5, np.float32),
    }
    with safe_open(path, framework="numpy") as file:
        assert file.metadata() == {"format": "pt", "note": 'a "quoted" ä'}
        assert set(file.keys()) == set(expected)
        for name, values in expected.items():
            found = file.get_tensor(name)
            assert found.dtype == values.dtype and found.shape == values.shape
            assert np.array_equal(found, values)
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.safetensors"]
