"""Bags of words, linear models and metrics against scikit-learn: the same terms in the same columns, the same values.

Always against the goldens that tests/golden/bags/make_bags_goldens.py made; slow: against scikit-learn itself, with
other texts and rows."""
import json
import os
import pathlib
import subprocess
import sys
import warnings

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests/golden/bags"
PROBE = pathlib.Path(os.environ.get("MARQUEE_BIN", ROOT / "build/release/bin")) / "bags_probe"

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import bag_cases  # noqa: E402

VALUE_WITHIN = 1e-6        # of a row's values
WEIGHT_WITHIN = 1e-3       # of a model's weights, relative to the largest
PROBABILITY_WITHIN = 1e-4


def ask(**task):
    done = subprocess.run([PROBE], input=json.dumps(task), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def ask_rows(options, fit, transform, threads=2):
    return ask(task="rows", options=options, fit=[text.hex() for text in fit],
               transform=[text.hex() for text in transform], threads=threads)


def assert_same_matrix(found, expected):
    assert found["columns"] == expected["columns"]
    assert found["row_offsets"] == expected["row_offsets"]
    assert found["column_ids"] == expected["column_ids"]
    for ours, theirs in zip(found["values"], expected["values"], strict=True):
        assert abs(ours - theirs) <= VALUE_WITHIN * max(1.0, abs(theirs))


def assert_same_rows(found, expected):
    assert found["terms"] == expected["terms"]
    assert_same_matrix(found["fitted"], expected["fitted"])
    assert_same_matrix(found["transformed"], expected["transformed"])


def assert_near(found, expected, within):
    scale = max(abs(value) for value in expected)
    for ours, theirs in zip(found, expected, strict=True):
        assert abs(ours - theirs) <= within * scale


def assert_same_model(found, expected):
    assert_near(found["weights"], expected["weights"], WEIGHT_WITHIN)
    assert_near(found["bias"], expected["bias"], WEIGHT_WITHIN) if any(expected["bias"]) else None
    key = "probabilities" if "probabilities" in expected else "scores"
    for ours, theirs in zip(found[key], expected[key], strict=True):
        assert abs(ours - theirs) <= PROBABILITY_WITHIN * max(1.0, abs(theirs))


def golden(name):
    return json.loads((GOLDEN / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("name", bag_cases.settings())
def test_rows_are_scikit_learns(name, threads):
    fit, transform = bag_cases.TEXTS, bag_cases.TEXTS[::-3] + [b"unseen words of the heist film"]
    assert_same_rows(ask_rows(bag_cases.settings()[name], fit, transform, threads), golden("rows.json")[name])


@pytest.mark.parametrize("case", bag_cases.learner_cases(), ids=lambda case: case[0])
def test_models_are_scikit_learns(case):
    name, learner, options, classes = case
    rows, labels = bag_cases.learner_rows(classes, classes)
    found = ask(task="train", learner=learner, options=options, rows=rows, labels=labels, classes=classes)
    assert_same_model(found, golden("models.json")[name])


def test_metrics_are_scikit_learns():
    assert_same_metrics(ask(task="metrics", **bag_cases.metric_case(1)), golden("metrics.json"))


def assert_same_metrics(found, expected):
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        assert found[key] == (value if key == "confusion" else pytest.approx(value, abs=1e-9) if key != "classes"
                              else [pytest.approx(one, abs=1e-9) for one in value]), key


@pytest.fixture(name="seed")
def fixture_seed():
    pytest.importorskip("sklearn", reason="script/test --slow installs it")
    warnings.simplefilter("ignore")
    seed = int.from_bytes(os.urandom(4), "little")
    print("seed", seed)
    return seed


@pytest.mark.slow
@pytest.mark.parametrize("name", bag_cases.settings())
def test_rows_of_other_texts(name, seed):
    options = bag_cases.settings()[name]
    fit, transform = bag_cases.random_texts(seed, 400), bag_cases.random_texts(seed + 1, 100)
    assert_same_rows(ask_rows(options, fit, transform), bag_cases.sklearn_rows(options, fit, transform))


@pytest.mark.slow
def test_rows_of_the_most_frequent_terms(seed):
    """Which of several equally frequent terms are kept is up to the sort in NumPy: how often they occur is not."""
    fit = bag_cases.random_texts(seed, 300)
    expected = bag_cases.sklearn_rows({"max_features": 50}, fit, fit[:1])
    found = ask_rows({"max_features": 50}, fit, fit[:1])

    def frequencies(answer):
        totals = [0.0] * 50
        for column, value in zip(answer["fitted"]["column_ids"], answer["fitted"]["values"]):
            totals[column] += value
        return sorted(totals)

    assert frequencies(found) == frequencies(expected)


@pytest.mark.slow
def test_every_code_point_is_a_letter_where_python_says_so(seed):
    """And its lower case and what is left of it without accents are Python's; not of code points it does not know."""
    import unicodedata
    known = [c for c in range(0x80, 0x110000) if unicodedata.category(chr(c)) not in ("Cn", "Cs", "Co")]
    fit = [f"x{chr(c)}".encode() for c in known]
    for options in ({}, {"strip_accents": "unicode"}, {"strip_accents": "ascii", "lowercase": False}):
        options = {**options, "min_word_chars": 1}
        assert_same_rows(ask_rows(options, fit, fit[:1]), bag_cases.sklearn_rows(options, fit, fit[:1]))


@pytest.mark.slow
def test_the_english_stop_list(seed):
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS
    ours = ask(task="stop_words", language="en")["words"]
    assert len(ours) == len(set(ours))
    assert set(ours) == ENGLISH_STOP_WORDS


@pytest.mark.slow
@pytest.mark.parametrize("case", bag_cases.learner_cases(), ids=lambda case: case[0])
def test_models_of_other_rows(case, seed):
    _, learner, options, classes = case
    rows, labels = bag_cases.learner_rows(seed, classes, 300, 40)
    found = ask(task="train", learner=learner, options=options, rows=rows, labels=labels, classes=classes)
    assert_same_model(found, bag_cases.sklearn_model(learner, options, rows, labels))


@pytest.mark.slow
def test_several_labels_at_once(seed):
    import numpy
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import f1_score
    from sklearn.multiclass import OneVsRestClassifier
    rows, classes = bag_cases.learner_rows(seed, 3, 300)
    labels = [sorted({label, (label + i) % 3} - {2 if i % 4 == 0 else 3}) for i, label in enumerate(classes)]
    indicator = numpy.array([[int(k in of_row) for k in range(3)] for of_row in labels])
    matrix = bag_cases.scipy_matrix(rows)
    model = OneVsRestClassifier(LogisticRegression(tol=1e-10, max_iter=10000)).fit(matrix, indicator)
    expected = model.predict_proba(matrix)
    found = ask(task="train_labels", rows=rows, labels=labels, classes=3, options={"tolerance": 1e-9})
    assert found["probabilities"] == pytest.approx(expected.ravel().tolist(), abs=1e-4)
    guessed = expected > 0.5
    assert found["macro_f1"] == pytest.approx(f1_score(indicator, guessed, average="macro"), abs=1e-9)
    assert found["micro_f1"] == pytest.approx(f1_score(indicator, guessed, average="micro"), abs=1e-9)


@pytest.mark.slow
def test_metrics_of_other_guesses(seed):
    case = bag_cases.metric_case(seed)
    assert_same_metrics(ask(task="metrics", **case), bag_cases.sklearn_metrics(case))
