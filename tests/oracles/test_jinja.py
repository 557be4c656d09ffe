"""Our chat templates against the real Jinja2: the same text, or an error where it has one. jinja_probe.cc answers for
ours. The templates are those in tests/golden/templates and, in the slow run, all that llama.cpp keeps for its tests.

MARQUEE_SHOW_FIGURES=1 prints the counts and times that docs/ACCURACY.md quotes (with pytest -s).
"""
import ast
import json
import os
import pathlib
import re
import subprocess

import jinja_conversations
import jinja_reference
import jinja_snippets
import pytest

ROOT = pathlib.Path(__file__).parents[2]
PROBE = pathlib.Path(os.environ.get("MARQUEE_BIN", ROOT / "build/release/bin")) / "jinja_probe"
PUBLISHED = sorted((ROOT / "tests/golden/templates").glob("*.jinja"))
LLAMA_CPP = ROOT / ".peers/llama.cpp"
CONTEXT = jinja_snippets.CONTEXT


def ask(requests, *arguments):
    """One answer for each (template, context)."""
    lines = "".join(json.dumps({"template": t, "context": c}) + "\n" for t, c in requests)
    done = subprocess.run([PROBE, *arguments], input=lines.encode(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    answers = [json.loads(line) for line in done.stdout.decode().split("\n")[:-1]]
    assert len(answers) == len(requests)
    return answers


def figure(line):
    if os.environ.get("MARQUEE_SHOW_FIGURES"):
        print("\n" + line, end="")


def differences(requests):
    """What is not the same, as texts; and how many of the answers were errors."""
    wrong, errors = [], 0
    for (source, context), ours in zip(requests, ask(requests), strict=True):
        text, error = jinja_reference.render(source, context)
        errors += error is not None
        if ours.get("text") != text:
            wrong.append(f"{source[:300]!r}\n  ours   {ours.get('text', ours)!r}\n"
                         f"  theirs {text if error is None else error!r}")
    return wrong, errors


def same(requests, name):
    wrong, errors = differences(requests)
    assert not wrong, f"{len(wrong)} of {len(requests)} differ; first:\n" + "\n".join(wrong[:8])
    figure(f"{name}: {len(requests)} renderings the same, {errors} of them errors")
    return errors


@pytest.mark.parametrize("group", jinja_snippets.GROUPS)
def test_snippets(group):
    some = jinja_snippets.snippets(group)
    errors = same([(snippet, CONTEXT) for snippet in some], f"snippets, {group}")
    assert errors < len(some) or group == "syntax"  # else the comparison would show nothing


@pytest.mark.parametrize("snippet,named", jinja_snippets.REFUSED.items())
def test_refused_at_load(snippet, named):
    (answer,) = ask([("\n  " + snippet, CONTEXT)])
    assert answer.get("stage") == "parse" and answer["code"] == "unsupported", answer
    assert named in answer["error"], answer
    assert re.search(r"line 2, column \d+", answer["error"]), answer


@pytest.mark.parametrize("snippet,named", jinja_snippets.REFUSED_AT_RENDER.items())
def test_refused_at_render(snippet, named):
    (answer,) = ask([(snippet, CONTEXT)])
    assert answer.get("stage") == "render" and answer["code"] == "unsupported", answer
    assert named in answer["error"] and "line 1, column" in answer["error"], answer


def requests_for(source):
    return [(source, context) for context in jinja_conversations.contexts()]


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.stem)
def test_published(path):
    requests = requests_for(path.read_text())
    errors = same(requests, f"template {path.stem}")
    assert errors < len(requests)


def test_the_smollm2_file_has_the_committed_template():
    model = pathlib.Path(os.environ.get("MARQUEE_TEST_DATA", ROOT / "build/test-data")) / "models/smollm2-135m-instruct"
    if not (model / "model.gguf").exists():
        pytest.skip("the default model is not pulled")
    data = (model / "model.gguf").read_bytes()
    key = b"tokenizer.chat_template" + (8).to_bytes(4, "little")
    start = data.index(key) + len(key)
    length = int.from_bytes(data[start:start + 8], "little")
    template = data[start + 8:start + 8 + length].decode()
    assert template == (ROOT / "tests/golden/templates/smollm2.jinja").read_text()


# Deep nesting, macros that call themselves or double each time, loops over loops, texts that grow without end.
HOSTILE = {
    "brackets": "{{ " + "(" * 100_000 + "1" + ")" * 100_000 + " }}",
    "lists": "{{ " + "[" * 100_000 + "]" * 100_000 + " }}",
    "nots": "{{ " + "not " * 100_000 + "1 }}",
    "minuses": "{{ " + "-" * 100_000 + "1 }}",
    "sums": "{{ " + "1 + " * 100_000 + "1 }}",
    "filters": "{{ 1 " + "| string " * 100_000 + "}}",
    "attributes": "{{ a" + ".b" * 100_000 + " }}",
    "calls": "{{ a" + "()" * 100_000 + " }}",
    "conditionals": "{{ " + "1 if 1 else " * 100_000 + "1 }}",
    "ifs": "{% if 1 %}" * 100_000 + "{% endif %}" * 100_000,
    "fors": "{% for a in b %}" * 10_000 + "{% endfor %}" * 10_000,
    "targets": "{% set " + "(" * 100_000 + "a" + ")" * 100_000 + " = 1 %}",
    "recursion": "{% macro m(n) %}{{ m(n + 1) }}{% endmacro %}{{ m(0) }}",
    "exponential": "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}",
    "caller": "{% macro m() %}{% call m() %}{% endcall %}{% endmacro %}{{ m() }}",
    "range": "{% for i in range(99999999999) %}{% endfor %}",
    "loops": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "endless": "{% set ns = namespace(l=[1]) %}{% for i in range(99999) %}{% set ns.l = ns.l + ns.l %}{% endfor %}",
    "doubling": "{% set ns = namespace(t='x') %}{% for i in range(99999) %}{% set ns.t = ns.t ~ ns.t %}{% endfor %}",
    "repeat": "{{ 'x' * 99999999999999 }}",
    "repeat list": "{{ [1] * 99999999999999 }}",
    "replace": "{% set t = 'x' * 4000000 %}{{ t.replace('', t) }}",
    "width": "{{ 'x'.center(99999999999) }}",
    "percent": "{{ '%999999999d' % 1 }}",
    "tabs": "{{ '\\t'.expandtabs(99999999999) }}",
    "indent": "{{ ('\\n' * 1000000) | indent(1000000) }}",
    "power": "{{ 9 ** 99999999999 }}",
    "join": "{% set t = 'x' * 1000000 %}{{ t.join([t] * 1000) }}",
    "nested lists": "{% set ns = namespace(l=[]) %}{% for i in range(99999) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l }}",
    "wide lists": "{% set ns = namespace(l=[1]) %}{% for i in range(90) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}",
    "compare": "{% set ns = namespace(l=[1], m=[1]) %}{% for i in range(90) %}{% set ns.l = [ns.l, ns.l] %}{% set ns.m = [ns.m, ns.m] %}{% endfor %}{{ ns.l == ns.m }}",
    "tuple keys": "{% set ns = namespace(l=(1,)) %}{% for i in range(90) %}{% set ns.l = (ns.l, ns.l) %}{% endfor %}{{ {ns.l: 1} }}",
    "generators": "{% set ns = namespace(l=[1]) %}{% for i in range(9999) %}{% set ns.l = ns.l | map('string') %}{% endfor %}{{ ns.l | list }}",
    "namespaces": "{% set ns = namespace(a=none) %}{% for i in range(99999) %}{% set n = namespace(a=ns.a) %}{% set ns.a = n %}{% endfor %}{{ ns }}",
    "own namespace": "{% set ns = namespace() %}{% set ns.a = ns %}{{ ns }}",
    "loop objects": "{% set ns = namespace(l=[]) %}{% for i in range(99999) %}{% for x in [ns.l] %}{% set ns.l = loop %}{% endfor %}{% endfor %}",
    "macro chain": "{% set ns = namespace(m=0) %}{% macro mk(p) %}{% macro inner() %}{{ p }}{% endmacro %}{% set ns.m = inner %}{% endmacro %}{% for i in range(99999) %}{{ mk(ns.m) }}{% endfor %}",
    "recursive loop": "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
    "json": "{% set ns = namespace(l=[1]) %}{% for i in range(90) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l | tojson(indent=64) }}",
    "sort": "{% set l = ('x' * 4000000) | list %}{{ l | sort | length }}",
    "find": "{% set t = 'a' * 8000000 %}{{ t.find('a' * 4000000 ~ 'b') }}{{ t.rfind('b' ~ 'a' * 4000000) }}{{ t.count('a' * 4000000 ~ 'b') }}",
    "strip": "{% set t = 'ab' * 4000000 %}{{ t.strip(t) }}{% for i in range(999) %}{% set u = t.strip(t) %}{% endfor %}",
    "characters": "{% set t = 'é' * 4000000 %}{% for i in range(99999) %}{{ t[i] }}{% endfor %}",
    "splits": "{% set t = 'a ' * 4000000 %}{% for i in range(99999) %}{% set u = t.split(' ') %}{% endfor %}",
    "output": "{% set t = 'x' * 1000000 %}{% for i in range(99999) %}{{ t }}{% endfor %}",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_templates_end_soon(name):
    done = subprocess.run([PROBE], input=json.dumps({"template": HOSTILE[name], "context": {}}).encode(),
                          capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done
    answer = json.loads(done.stdout)
    if name in ("find", "sort", "macro chain", "loop objects"):  # costly for some, but within bounds here
        assert "text" in answer or answer["code"] == "too_large", answer
    else:
        assert answer.get("code") in ("too_large", "invalid_argument", "unsupported"), answer
        assert len(answer["error"]) < 400


def llama_cpp_templates():
    for path in sorted((LLAMA_CPP / "models/templates").glob("*.jinja")):
        yield path.stem, path.read_text()
    tests = (LLAMA_CPP / "tests/test-chat-template.cpp").read_text()
    for name, literal in re.findall(r'\.name= \*/ "([^"]*)",\s*/\* \.template_str= \*/\s*(?:U8C\()?("(?:[^"\\]|\\.)*")', tests):
        yield name, ast.literal_eval(literal)


# Templates of the llama.cpp sources that are refused at load, and what the refusal names. transformers has no such filter
# either: these were written for llama.cpp.
UNSUPPORTED_TEMPLATES = dict.fromkeys(
    ("deepseek-ai-DeepSeek-V3.2", "deepseek-ai-DeepSeek-V4", "deepseek-ai-DeepSeek-V4-Flash-0731"), "filter 'from_json'")


@pytest.mark.slow
def test_the_templates_of_llama_cpp():
    assert LLAMA_CPP.exists(), "script/setup --slow-tests fetches llama.cpp's sources"
    wrong, count, total, refused = [], 0, 0, {}
    for name, source in llama_cpp_templates():
        (first, *_) = ask([(source, {})])
        if first.get("stage") == "parse":
            refused[name] = first["error"]
            continue
        requests = requests_for(source)
        differing, errors = differences(requests)
        wrong += [f"{name}: {difference}" for difference in differing]
        count, total = count + 1, total + len(requests) - errors
    assert not wrong, f"{len(wrong)} differ; first:\n" + "\n".join(wrong[:8])
    assert refused.keys() == UNSUPPORTED_TEMPLATES.keys(), refused
    assert all(named in refused[name] for name, named in UNSUPPORTED_TEMPLATES.items()), refused
    figure(f"{count} templates of llama.cpp's sources, {total} renderings without an error the same; refused: {refused}")


@pytest.mark.slow
def test_time():
    largest = max(PUBLISHED, key=lambda path: path.stat().st_size)
    answer, = ask([(largest.read_text(), jinja_conversations.long_conversation(100))], "time", "101")
    figure(f"{largest.stem} ({largest.stat().st_size} bytes), 100 messages: parse {answer['parse_us']:.0f} us, render "
           f"{answer['render_us']:.0f} us for {answer['bytes']} bytes")
    assert answer["render_us"] / (answer["bytes"] / 1024) < 1000
