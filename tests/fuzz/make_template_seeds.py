"""Writes corpus/chat_template: the snippets and published templates that tests/oracles compares with Jinja2."""
import hashlib
import pathlib
import shutil
import sys

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "oracles"))
import jinja_snippets  # noqa: E402

folder = HERE / "corpus/chat_template"
shutil.rmtree(folder, ignore_errors=True)
folder.mkdir(parents=True)
seeds = [path.read_text() for path in sorted((HERE.parent / "golden/templates").glob("*.jinja"))]
for made in jinja_snippets.GROUPS.values():
    seeds += [line for line in made.split("\n") if line] if isinstance(made, str) else made
for seed in seeds:
    (folder / hashlib.sha256(seed.encode()).hexdigest()[:16]).write_text(seed)
