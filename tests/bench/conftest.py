import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "bench/llm"), str(ROOT / "bench/measure"), str(ROOT / "bench/train"), str(ROOT / "tests/http")]
