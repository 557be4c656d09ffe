"""Texts and settings on which our bags of words are compared with scikit-learn's, and what scikit-learn says of them.

Settings are ours (src/text/bags/vectoriser_options.h); `sklearn_vectoriser` says the same to scikit-learn, which only
the slow oracle and tests/golden/bags/make_bags_goldens.py import."""
import random

TEXTS = [
    b"The heist went wrong, and the crew - all SEVEN of them - ran. The end?",
    b"A heist film; the crew's plan isn't the plan you think it is... or is it?",
    "L'été dernier, Zoë a déjà vu le film à Paris. Ça alors ! Œuvre naïve, cœur brisé.".encode(),
    "Straße, GROẞE Fußgänger; Übermut tut selten gut. ÄÖÜ äöü".encode(),
    "Ο ΟΔΥΣΣΕΑΣ ΚΑΙ Η ΙΘΑΚΗ: ΣΟΦΟΣ ΒΑΣΙΛΕΥΣ, 'ΟΔΟΣ' Σ. ΑΣ\u0301Σ".encode(),
    "Съешь же ещё этих мягких французских булок, да выпей чаю. ЙОД йод И\u0306од".encode(),
    "電影很好看，但是結局太長。電影 電影院 2024年 第三部".encode(),
    "映画「七人の侍」は素晴らしい。ﾊﾝｶｸ カタカナ ひらがな１２３".encode(),
    "영화가 정말 재미있어요. 한국어 텍스트, 각 각각".encode(),
    "هذا الفيلم جميل جِدًّا ٣٤٥ و لا أعرف".encode(),
    "यह फ़िल्म बहुत अच्छी है और मुझे पसंद आई ४५६".encode(),
    "İstanbul'da IŞIK ılık İİ iI; DİYARBAKIR".encode(),
    "🎬🍿 The film was 🔥🔥 👩‍👩‍👧 5⭐ ½ price x² ① Ⅳ ㎏ ﬁne ﬂow".encode(),
    "cafe\u0301 nai\u0308ve a\u0300\u0301\u0302 \u0301alone Å Å Ａｂｃ ℌ ﷺ".encode(),
    "tabs\tand\nnew\r\nlines \u00a0 nbsp\u2003em\u2028line\u2029para\u3000wide\x1c\x1dfs  double   triple".encode(),
    "snake_case __dunder__ mixed123 4you 3.14 1,000 e-mail user@example.com http://x.y/z?a=b".encode(),
    b"broken \xff\xfe bytes \xc3( and \xe6\x97 cut \xf0\x9f\x8e off \xed\xa0\x80 surrogate \xc0\xaf overlong \xf4\x90\x80\x80 big",
    b"ends in the middle \xe6\x97",
    b"",
    b" \n\t ",
    b"a I . ! x",
    "ДЖ Ǆ ǅ ǆ Ǉ Ⴀ ა Ა ꭰ Ꭰ 𐐀 𐐨 K k ſ".encode(),
    "\u200bzero\u200cwidth\u200djoin\u00adsoft ᾳ ᾼ ΐ ŉ ǰ".encode(),
    b"the the the the film film crew",
    b"plan plan heist it's it is was were has hasn't cannot",
]


def settings():
    """Every setting at least once, most of them together with others."""
    words = {"analyser": "word"}
    tf_idf = {"idf": True, "norm": "l2"}
    hashed = {"hash_columns": 64, "norm": "l2"}
    return {
        "counts": {},
        "counts_bigrams": {"ngram_range": [1, 2]},
        "counts_trigrams_only": {"ngram_range": [3, 3], "lowercase": False},
        "single_letters": {"min_word_chars": 1, "binary": True},
        "accents_unicode": {"strip_accents": "unicode", "ngram_range": [1, 2]},
        "accents_ascii": {"strip_accents": "ascii"},
        "accents_case_kept": {"strip_accents": "unicode", "lowercase": False},
        "stop_english": {**words, **tf_idf, "stop_language": "en", "ngram_range": [1, 3]},
        "stop_own": {"stop_words": ["film", "the", "電影很好看"], "ngram_range": [2, 2]},
        "limits_counts": {"min_df": 2, "max_df": 5},
        "limits_fractions": {**tf_idf, "min_df": 0.05, "max_df": 0.2},
        "chars": {"analyser": "char", "ngram_range": [1, 3]},
        "chars_long": {"analyser": "char", "ngram_range": [4, 6], "strip_accents": "unicode", **tf_idf},
        "char_wb": {"analyser": "char_wb", "ngram_range": [2, 4]},
        "char_wb_long": {"analyser": "char_wb", "ngram_range": [5, 9], "lowercase": False},
        "tf_idf": tf_idf,
        "tf_idf_plain": {**tf_idf, "smooth_idf": False, "norm": "l1"},
        "tf_idf_sublinear": {**tf_idf, "sublinear_tf": True, "ngram_range": [1, 2]},
        "tf_idf_binary_unscaled": {"idf": True, "binary": True},
        "tf_alone": {"norm": "l2", "sublinear_tf": True},
        "hashed": hashed,
        "hashed_binary": {**hashed, "binary": True, "norm": "none"},
        "hashed_unsigned": {**hashed, "alternate_sign": False, "norm": "l1", "ngram_range": [1, 2]},
        "hashed_many": {"hash_columns": 1 << 20, "norm": "l2", "analyser": "char_wb", "ngram_range": [3, 5]},
        "hashed_odd": {"hash_columns": 1000, "norm": "none", "strip_accents": "unicode"},
    }


def sklearn_vectoriser(options):
    from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
    stops = list(options.get("stop_words", []))
    common = {
        "decode_error": "replace",
        "analyzer": options.get("analyser", "word"),
        "ngram_range": tuple(options.get("ngram_range", (1, 1))),
        "lowercase": options.get("lowercase", True),
        "strip_accents": options.get("strip_accents"),
        "token_pattern": r"(?u)\b\w+\b" if options.get("min_word_chars") == 1 else r"(?u)\b\w\w+\b",
        "stop_words": "english" if options.get("stop_language") == "en" else stops or None,
        "binary": options.get("binary", False),
        "norm": None if options.get("norm", "none") == "none" else options["norm"],
    }
    if "hash_columns" in options:
        return HashingVectorizer(n_features=options["hash_columns"],
                                 alternate_sign=options.get("alternate_sign", True), **common)
    return TfidfVectorizer(use_idf=options.get("idf", False), smooth_idf=options.get("smooth_idf", True),
                           sublinear_tf=options.get("sublinear_tf", False), min_df=options.get("min_df", 1),
                           max_df=options.get("max_df", 1.0), max_features=options.get("max_features"), **common)


def csr_json(matrix):
    matrix = matrix.tocsr()
    matrix.sort_indices()
    return {"columns": matrix.shape[1], "row_offsets": matrix.indptr.tolist(), "column_ids": matrix.indices.tolist(),
            "values": [float(f"{value:.9g}") for value in matrix.data]}


def sklearn_rows(options, fit, transform):
    """What our probe answers to the task `rows`, by scikit-learn."""
    vectoriser = sklearn_vectoriser(options)
    fitted = vectoriser.fit_transform(fit)
    answer = {"fitted": csr_json(fitted), "transformed": csr_json(vectoriser.transform(transform)), "terms": []}
    if "hash_columns" not in options:
        answer["terms"] = vectoriser.get_feature_names_out().tolist()
    return answer


ALPHABETS = ["abcdefghijklmnopqrstuvwxyz", "ABCabc012_", "éèàùçñöüßÅİıſΣσς", "абвгдеёжзАБВЙй", "電影很好看，。",
             "\u0301\u0308\u0327", "مرحبا٣", "हिन्दी४", "🎬⭐👩‍👧", ".,;:!?'\"-()", "½²①Ⅳﬁ㎏"]

FREQUENT = "film plan the crew heist Été день 電影 was hasn't".split()


def random_texts(seed, count):
    """Texts of every alphabet, white space of every kind, and now and then bytes that are no UTF-8."""
    chance = random.Random(seed)
    texts = []
    for _ in range(count):
        text = b""
        for _ in range(chance.randrange(30)):
            alphabet = chance.choice(ALPHABETS)
            text += "".join(chance.choice(alphabet) for _ in range(chance.randrange(1, 5))).encode()
            text += chance.choice([b" ", b" ", b"", b"  ", b"\n", "\u00a0".encode(), b"\t \x1c", b", "])
            if chance.random() < 0.02:
                text += bytes(chance.randrange(128, 256) for _ in range(chance.randrange(1, 4)))
        words = chance.choices(FREQUENT, k=chance.randrange(6))
        texts.append(text + " ".join(words).encode())
    return texts


def learner_cases():
    """(name, learner, options, classes): what a linear model is trained with."""
    tight = {"tolerance": 1e-9, "max_iterations": 100000}
    return [
        ("logistic_two", "logistic", tight, 2),
        ("logistic_three", "logistic", tight, 3),
        ("logistic_strong", "logistic", {**tight, "c": 0.05}, 3),
        ("logistic_weak_balanced", "logistic", {**tight, "c": 30.0, "balanced": True}, 3),
        ("logistic_two_balanced", "logistic", {**tight, "balanced": True}, 2),
        ("logistic_no_bias", "logistic", {**tight, "with_bias": False}, 3),
        ("logistic_l1", "logistic", {**tight, "l1_ratio": 1.0}, 3),
        ("logistic_elastic", "logistic", {**tight, "l1_ratio": 0.4, "c": 0.5}, 2),
        ("svm_two", "svm", {**tight, "squared": True}, 2),
        ("svm_three_balanced", "svm", {**tight, "squared": True, "balanced": True}, 3),
        ("svm_hinge", "svm", {**tight, "squared": False, "c": 0.5}, 3),
        ("svm_hinge_two_balanced", "svm", {**tight, "squared": False, "balanced": True}, 2),
        ("bayes_two", "naive_bayes", {}, 2),
        ("bayes_three", "naive_bayes", {"alpha": 0.1, "fit_prior": False}, 3),
        ("complement", "naive_bayes", {"complement": True, "alpha": 0.5}, 3),
        ("complement_normalised", "naive_bayes", {"complement": True, "normalise": True}, 3),
    ]


def learner_rows(seed, classes, count=150, features=25):
    """A sparse matrix whose features lean towards classes of different sizes, and the classes."""
    chance = random.Random(seed)
    labels = list(range(classes)) + [min(chance.randrange(classes), chance.randrange(classes))
                                     for _ in range(count - classes)]
    rows = {"columns": features, "row_offsets": [0], "column_ids": [], "values": []}
    for label in labels:
        for feature in range(features):
            if chance.random() < (0.4 if feature % classes == label else 0.15):
                rows["column_ids"].append(feature)
                rows["values"].append(round(0.1 + chance.random(), 3))
        rows["row_offsets"].append(len(rows["column_ids"]))
    return rows, labels


def scipy_matrix(rows):
    from scipy.sparse import csr_matrix
    return csr_matrix((rows["values"], rows["column_ids"], rows["row_offsets"]),
                      shape=(len(rows["row_offsets"]) - 1, rows["columns"]))


def sklearn_learner(learner, options):
    from sklearn.linear_model import LogisticRegression
    from sklearn.naive_bayes import ComplementNB, MultinomialNB
    from sklearn.svm import LinearSVC
    weight = "balanced" if options.get("balanced") else None
    if learner == "logistic":
        ratio = options.get("l1_ratio", 0.0)
        return LogisticRegression(C=options.get("c", 1.0), l1_ratio=ratio, class_weight=weight,
                                  fit_intercept=options.get("with_bias", True), solver="saga" if ratio > 0 else "lbfgs",
                                  tol=1e-10, max_iter=200000)
    if learner == "svm":
        return LinearSVC(loss="squared_hinge" if options["squared"] else "hinge", dual=True, C=options.get("c", 1.0),
                         class_weight=weight, tol=1e-10, max_iter=1000000)
    if options.get("complement"):
        return ComplementNB(alpha=options.get("alpha", 1.0), norm=options.get("normalise", False))
    return MultinomialNB(alpha=options.get("alpha", 1.0), fit_prior=options.get("fit_prior", True))


def sklearn_model(learner, options, rows, labels):
    """Weights [features, outputs], bias and class probabilities (or scores) by scikit-learn."""
    import numpy
    matrix = scipy_matrix(rows)
    model = sklearn_learner(learner, options).fit(matrix, labels)
    if learner != "naive_bayes":
        weights, bias = model.coef_, numpy.broadcast_to(model.intercept_, len(model.coef_))
    else:
        weights = model.feature_log_prob_
        bias = numpy.zeros(len(weights)) if options.get("complement") else model.class_log_prior_
    answer = {"weights": weights.T.ravel().tolist(), "bias": [float(value) for value in bias]}
    if learner == "svm":
        scores = model.decision_function(matrix)
        answer["scores"] = (scores if scores.ndim == 2 else numpy.stack([-scores, scores], 1)).ravel().tolist()
    else:
        answer["probabilities"] = model.predict_proba(matrix).ravel().tolist()
    return {key: [float(f"{value:.9g}") for value in values] for key, values in answer.items()}


def metric_case(seed, rows=400, classes=4):
    """Right and guessed classes and probabilities, some of them 0 and 1."""
    chance = random.Random(seed)
    right, guessed, probabilities = [], [], []
    for _ in range(rows):
        label = chance.randrange(classes - 1)  # the last class is never right
        weights = [chance.random() ** 3 + (0.6 if k == label else 0.0) for k in range(classes)]
        if chance.random() < 0.02:
            weights = [1.0 if k == label else 0.0 for k in range(classes)]
        of_row = [weight / sum(weights) for weight in weights]
        right.append(label)
        guessed.append(of_row.index(max(of_row)))
        probabilities.extend(of_row)
    return {"right": right, "guessed": guessed, "probabilities": probabilities, "classes": classes}


def sklearn_metrics(case):
    import numpy
    from sklearn import metrics
    labels = list(range(case["classes"]))
    right, guessed = numpy.array(case["right"]), numpy.array(case["guessed"])
    probabilities = numpy.array(case["probabilities"]).reshape(len(right), -1)
    confidence, hit = probabilities.max(1), guessed == right
    bins = numpy.clip(numpy.ceil(confidence * 15).astype(int) - 1, 0, 14)
    error = sum(abs(confidence[bins == b].sum() - hit[bins == b].sum()) for b in range(15)) / len(right)
    by_class = metrics.precision_recall_fscore_support(right, guessed, labels=labels, zero_division=0)

    def f1(average):
        return float(metrics.f1_score(right, guessed, labels=labels, average=average, zero_division=0))

    return {
        "accuracy": float(metrics.accuracy_score(right, guessed)),
        "macro_f1": f1("macro"), "micro_f1": f1("micro"), "weighted_f1": f1("weighted"),
        "log_loss": float(metrics.log_loss(right, probabilities, labels=labels)),
        "calibration_error": float(error),
        "confusion": metrics.confusion_matrix(right, guessed, labels=labels).ravel().tolist(),
        "classes": [[float(value) for value in one] for one in zip(*by_class)],
    }
