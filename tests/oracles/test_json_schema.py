"""Grammars made of JSON Schemas against the public JSON-Schema-Test-Suite, which comes inside the sources of Python's
`jsonschema` package (script/setup puts it into build/test-data). grammar_probe.cc answers for ours.

A grammar may be narrower than its schema, in the ways that src/text/grammar/json_schema.h lists, and never wider: no
invalid instance may be accepted, whatever the order of its properties.
"""
import json
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).parents[2]
PROBE = pathlib.Path(os.environ.get("MARQUEE_BIN", ROOT / "build/release/bin")) / "grammar_probe"
SUITE = pathlib.Path(os.environ.get("MARQUEE_TEST_DATA", ROOT / "build/test-data")) / "json-schema-suite/draft2020-12"
FILES = sorted([*SUITE.glob("*.json"), *SUITE.glob("optional/*.json"), *SUITE.glob("optional/format/*.json")])


def texts_of(instance, schema):
    """The instance as JSON, as it is and with the properties in the schema's order."""
    return {json.dumps(instance, ensure_ascii=False), json.dumps(in_order(instance, schema), ensure_ascii=False)}


def in_order(value, schema):
    if isinstance(value, dict):
        names = list(schema.get("properties", {})) if isinstance(schema, dict) else []
        names = [name for name in names if name in value] + [name for name in value if name not in names]
        return {name: value[name] for name in names}
    return value


def ask(groups):
    lines = "".join(json.dumps(group) + "\n" for group in groups)
    done = subprocess.run([PROBE], input=lines.encode(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return [json.loads(line) for line in done.stdout.decode().split("\n")[:-1]]


def run_suite():
    """What came of each instance, as (where, valid, answers of ours or the error)."""
    groups, places = [], []
    for file in FILES:
        for group in json.loads(file.read_text()):
            cases = [(case, sorted(texts_of(case["data"], group["schema"]))) for case in group["tests"]]
            groups.append({"schema": group["schema"], "texts": [text for _, texts in cases for text in texts]})
            places.append((file, group, cases))
    results = []
    for (file, group, cases), answer in zip(places, ask(groups), strict=True):
        accepted = iter(answer.get("accepted", []))
        for case, texts in cases:
            where = f"{file.relative_to(SUITE)}: {group['description']}: {case['description']}"
            outcome = answer["error"] if "error" in answer else [next(accepted) for _ in texts]
            results.append((where, case["valid"], outcome, answer["ms"]))
    return results


# How ours may be narrower, by what the suite calls such cases.
NARROWER = {
    "a schema without type is of the type that its keywords are about": [
        "ignores ", "pseudo-array", "ref.json: root pointer ref: ", "no-schema.json"],
    "further properties and items only where the schema says so": [
        "additionalProperties are allowed by default", "doesn't invalidate other properties",
        "a schema given for prefixItems: array with additional items", "only the first item is validated",
        "uniqueItems=false with an array of items", "anyOf.json: anyOf complex types: both anyOf valid",
        "when two match and has no unevaluated properties"],
    "numbers have one form": [
        "float zero is valid", "float one is valid", "[0.0] is valid", "[1.0] is valid", "float -2.0 is valid",
        "float is valid", "a float with zero fractional part is an integer", "bignum"],
    "properties come in order": [
        "same object with different property order is valid", "allOf.json: allOf: allOf"],
    "format is not only an annotation, and rare forms are left out": [
        "formats ignore ", "is only an annotation by default", "with no validation vocabulary", "optional/format/"],
}


@pytest.fixture(scope="module")
def results():
    assert len(FILES) > 40, f"no suite in {SUITE}: run script/setup --tests"
    return run_suite()


def test_no_invalid_instance_is_accepted(results):
    compiled = [(where, outcome) for where, valid, outcome, _ in results if not valid and not isinstance(outcome, str)]
    assert len(compiled) > 400
    assert [where for where, outcome in compiled if any(outcome)] == []


def test_valid_instances_are_accepted(results):
    compiled = [(where, outcome) for where, valid, outcome, _ in results if valid and not isinstance(outcome, str)]
    refused = [where for where, outcome in compiled if not any(outcome)]
    known = [part for parts in NARROWER.values() for part in parts]
    assert [where for where in refused if not any(part in where for part in known)] == []
    assert len(compiled) - len(refused) > 300


def test_what_is_not_supported_says_where(results):
    errors = {outcome for _, _, outcome, _ in results if isinstance(outcome, str)}
    assert errors
    assert [error for error in errors if not error.startswith("at '") and error != "no text matches it"
            and "left-recursive" not in error] == []


def test_compiling_is_quick(results):
    assert max(ms for _, _, _, ms in results) < 1000  # of a machine that may be busy; the limit is 100 ms of computing


def test_random_instances_of_random_schemas():
    """Instances that the validator takes for valid or not, over schemas put together at random."""
    import random

    import jsonschema
    chance = random.Random(7)
    groups = []
    for _ in range(300):
        schema = random_schema(chance, 3)
        groups.append({"schema": schema, "texts": [json.dumps(random_value(chance, schema, 3), ensure_ascii=False)
                                                    for _ in range(30)]})
    valid_seen = invalid_seen = 0
    for group, answer in zip(groups, ask(groups), strict=True):
        assert "error" not in answer, (group["schema"], answer)
        validator = jsonschema.Draft202012Validator(group["schema"])
        for text, accepted in zip(group["texts"], answer["accepted"], strict=True):
            valid = validator.is_valid(json.loads(text))
            valid_seen, invalid_seen = valid_seen + valid, invalid_seen + (not valid)
            assert accepted == valid, (group["schema"], text)
    assert valid_seen > 1000 and invalid_seen > 1000


def random_schema(chance, depth):
    """Only what has exactly the values that the grammar allows: typed, closed, in order."""
    kind = chance.choice(["integer", "number", "string", "enum", "object", "array", "anyOf"][:7 if depth else 4])
    if kind == "integer":
        low = chance.randint(-200, 200)
        return {"type": "integer", "minimum": low, "maximum": low + chance.choice([0, 3, 90, 1500])}
    if kind == "number":
        low = round(chance.uniform(-20, 20), chance.randint(0, 3))
        return {"type": "number", "minimum": low, "exclusiveMaximum": round(low + chance.choice([0.5, 1, 33.25]), 4)}
    if kind == "string":
        if chance.random() < 0.5:
            return {"type": "string", "pattern": chance.choice(["^[ab]{1,3}$", "c", "^(a|bb)+c?$", "^.{2}|c$"])}
        low = chance.randint(0, 3)
        return {"type": "string", "minLength": low, "maxLength": low + chance.randint(0, 3)}
    if kind == "enum":
        return {"enum": chance.sample(["a", "b", "abc", 1, 7, True, None, 2.5], 3)}
    if kind == "object":
        names = chance.sample("abcd", chance.randint(1, 4))
        return {"type": "object", "properties": {name: random_schema(chance, depth - 1) for name in names},
                "required": [name for name in names if chance.random() < 0.5],
                "additionalProperties": chance.choice([False, {"type": "boolean"}])}
    if kind == "array":
        low = chance.randint(0, 2)
        return {"type": "array", "items": random_schema(chance, depth - 1), "minItems": low,
                "maxItems": low + chance.randint(0, 2)}
    return {"anyOf": [random_schema(chance, depth - 1) for _ in range(2)]}


def random_value(chance, schema, depth):
    """Often valid for the schema, often nearly."""
    if chance.random() < 0.06:
        return chance.choice([None, True, 3, "a", [], {}])
    if "anyOf" in schema:
        return random_value(chance, chance.choice(schema["anyOf"]), depth)
    if "enum" in schema:
        return chance.choice([*schema["enum"], "ab"])
    if schema["type"] == "integer":
        return chance.randint(schema["minimum"] - 2, schema["maximum"] + 2)
    if schema["type"] == "number":
        value = round(chance.uniform(schema["minimum"] - 0.3, schema["exclusiveMaximum"] + 0.3), chance.randint(0, 4))
        return chance.choice([value, schema["minimum"], schema["exclusiveMaximum"]])
    if schema["type"] == "string":
        return "".join(chance.choice("abc\"\t\u00e9") for _ in range(chance.randint(0, 5)))
    if schema["type"] == "array":
        length = chance.randint(0, schema["maxItems"] + 1)
        return [random_value(chance, schema["items"], depth - 1) for _ in range(length)]
    value = {name: random_value(chance, part, depth - 1) for name, part in schema["properties"].items()
             if name in schema["required"] or chance.random() < 0.6}
    if chance.random() < 0.2:
        value["extra"] = chance.choice([True, False, 1])
    return value
