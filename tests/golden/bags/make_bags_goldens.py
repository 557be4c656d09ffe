"""Makes rows.json, models.json and metrics.json: what scikit-learn 1.9.1 says of the cases in tests/oracles/bag_cases.py.

    .venv-slow/bin/python tests/golden/bags/make_bags_goldens.py
"""
import json
import pathlib
import sys
import warnings

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "oracles"))
import bag_cases  # noqa: E402


def write(name, value):
    (HERE / name).write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")


def main():
    warnings.simplefilter("ignore")
    fit, transform = bag_cases.TEXTS, bag_cases.TEXTS[::-3] + [b"unseen words of the heist film"]
    write("rows.json", {name: bag_cases.sklearn_rows(options, fit, transform)
                        for name, options in bag_cases.settings().items()})
    models = {}
    for name, learner, options, classes in bag_cases.learner_cases():
        rows, labels = bag_cases.learner_rows(classes, classes)
        models[name] = bag_cases.sklearn_model(learner, options, rows, labels)
    write("models.json", models)
    write("metrics.json", bag_cases.sklearn_metrics(bag_cases.metric_case(1)))


if __name__ == "__main__":
    main()
