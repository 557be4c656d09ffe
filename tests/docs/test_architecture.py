"""Names in the documentation that no longer exist in the code mislead: each must be found in the sources."""
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "src").rglob("*"))
           if path.suffix in {".cc", ".h"}]
CODE = re.compile(r"`([^`\n]+)`")
SYMBOL = re.compile(r"^(?:[A-Za-z_]\w*::)*[A-Za-z_]\w*$")
PATH = re.compile(r"^(?:src|tests|docs|script|catalog|cmake)/[\w./<>*-]*$")


def names(document: str) -> list[str]:
    return sorted(set(CODE.findall((ROOT / document).read_text(encoding="utf-8"))))


def exists(symbol: str) -> bool:
    """Whether some file of the sources has all parts of A::B::c as words."""
    parts = [re.compile(rf"\b{part}\b") for part in symbol.split("::")]
    return any(all(part.search(source) for part in parts) for source in SOURCES)


def test_architecture_names_exist():
    symbols = [name for name in names("docs/ARCHITECTURE.md") if SYMBOL.match(name) and ("::" in name or "_" in name)]
    assert len(symbols) > 40
    missing = [symbol for symbol in symbols if not exists(symbol)]
    assert not missing


@pytest.mark.parametrize("document", ["docs/ARCHITECTURE.md", "CONTRIBUTING.md", "README.md"])
def test_paths_exist(document):
    paths = [name for name in names(document) if PATH.match(name) and not set(name) & set("<*")]
    missing = [path for path in paths if not list(ROOT.glob(path.rstrip("/") + "*"))]
    assert not missing


@pytest.mark.parametrize("document", ["docs/ARCHITECTURE.md", "CONTRIBUTING.md", "README.md"])
def test_links_lead_somewhere(document):
    text = (ROOT / document).read_text(encoding="utf-8")
    targets = [target for target in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in target]
    missing = [target for target in targets if not (ROOT / document).parent.joinpath(target).exists()]
    assert not missing
