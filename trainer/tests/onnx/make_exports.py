"""Makes what scikit-learn, LightGBM and XGBoost export, trained on iris, and what Python's ONNX Runtime answers.

    pip install lightgbm==4.7.0 numpy==2.4.6 onnx==1.23.2 onnxmltools==1.16.0 onnxruntime==1.32.0 pandas==3.1.1 \
        scikit-learn==1.9.1 skl2onnx==1.20.0 xgboost==3.2.0
    PYTHONHASHSEED=0 python make_exports.py        (the exporters order opsets by hash)

Writes into `exports/`: NAME.onnx for every form of an export; `iris.csv`, the rows with their class by name and number;
`expected.npz`, which holds `rows` and for each NAME the answers in the order of the model's classes (of a model that
answers with labels alone the number of the class), and for an MLP as `NAME_label` what scikit-learn itself predicts.
"""

import warnings
from pathlib import Path

import lightgbm
import numpy as np
import onnx
import onnxmltools
import onnxruntime
import pandas
import xgboost
from onnx import TensorProto, helper, numpy_helper
from onnxmltools.convert.common.data_types import FloatTensorType
from skl2onnx import to_onnx
from skl2onnx.helpers.onnx_helper import select_model_inputs_outputs
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import LinearSVC

warnings.filterwarnings("ignore")
HERE = Path(__file__).parent / "exports"
iris = load_iris()
ROWS, NUMBERS = iris.data.astype(np.float32), iris.target
NAMES = iris.target_names.astype(str)[NUMBERS]
COLUMNS = ["sepal length", "sepal width", "petal length", "petal width"]
# Versicolor and virginica, and the last column from the others.
TWO = NUMBERS > 0
expected = {"rows": ROWS}


def write(name, model, inputs=None, runs=None):
    """Keeps a model and what its last output answers, or that of `runs`."""
    model.graph.name, model.producer_version, model.doc_string = name, "", ""
    (HERE / f"{name}.onnx").write_bytes(model.SerializeToString(deterministic=True))
    session = onnxruntime.InferenceSession((runs or model).SerializeToString(), providers=["CPUExecutionProvider"])
    if inputs is None:
        end = session.get_inputs()[0]
        inputs = {end.name: ROWS[:, : end.shape[1]].astype(np.float64 if "double" in end.type else np.float32)}
    answers = session.run(None, inputs)
    if name == "forest_columns":
        answers = np.stack(answers[1:], axis=1)
    elif isinstance(answers[-1], list):
        answers = np.array([[row[key] for key in sorted(row)] for row in answers[-1]])
    elif answers[-1].dtype.kind == "f":
        answers = answers[-1]
    else:
        classes = sorted(set(answers[-1]))
        answers = np.array([[classes.index(label)] for label in answers[-1]])
    expected[name] = answers.astype(np.float32)


def sklearn(name, model, rows, classes, **options):
    model.fit(rows, classes)
    made = to_onnx(model, rows[:1], options={id(model): options} if options else None)
    # ONNX Runtime refuses a ZipMap of doubles, which scikit-learn's exporter writes all the same.
    double = rows.dtype == np.float64
    write(name, made, runs=to_onnx(model, rows[:1], options={id(model): {"zipmap": False}}) if double else None)
    return model


def forests():
    forest = lambda: RandomForestClassifier(3, max_depth=3, random_state=1)
    sklearn("forest_numbers", forest(), ROWS, NUMBERS)
    sklearn("forest_names", forest(), ROWS, NAMES)
    sklearn("forest_tensor", forest(), ROWS, NAMES, zipmap=False)
    sklearn("forest_columns", forest(), ROWS, NAMES, zipmap="columns")
    for kind, classes in [("numbers", NUMBERS), ("names", NAMES)]:
        whole = to_onnx(forest().fit(ROWS, classes), ROWS[:1])
        write(f"labels_{kind}", select_model_inputs_outputs(whole, outputs=["output_label"]))
    sklearn("forest_quantity", RandomForestRegressor(3, max_depth=3, random_state=1), ROWS[:, :3], ROWS[:, 3])


def linear():
    sklearn("svc_scores", LinearSVC(random_state=1), ROWS, NAMES)
    sklearn("svc_score", LinearSVC(random_state=1), ROWS[TWO], NAMES[TWO])
    sklearn("logistic_scores", LogisticRegression(max_iter=500), ROWS, NUMBERS, raw_scores=True)
    sklearn("logistic_double", LogisticRegression(max_iter=500), ROWS.astype(np.float64), NAMES)
    frame = pandas.DataFrame(ROWS, columns=COLUMNS)[COLUMNS[::-1]]
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(frame, NAMES)
    model = to_onnx(pipeline, frame[:1])
    ends = [end.name for end in model.graph.input]
    write("frame", model, {end: frame[[column]].to_numpy() for end, column in zip(ends, frame.columns)})

    # As torch and Keras write two classes: one probability.
    two = LogisticRegression(max_iter=500).fit(ROWS[TWO], NUMBERS[TWO])
    nodes = [
        helper.make_node("Gemm", ["rows", "w", "b"], ["score"], "dense", transB=1),
        helper.make_node("Sigmoid", ["score"], ["probability"], "sigmoid"),
    ]
    ends = [helper.make_tensor_value_info(*end) for end in [
        ("rows", TensorProto.FLOAT, ["batch", 4]), ("probability", TensorProto.FLOAT, ["batch", 1])]]
    weights = [numpy_helper.from_array(values.astype(np.float32), name) for name, values in
               [("w", two.coef_), ("b", two.intercept_)]]
    graph = helper.make_graph(nodes, "sigmoid", ends[:1], ends[1:], weights)
    write("sigmoid", helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)]))


def boosted():
    ends = [("input", FloatTensorType([None, 4]))]
    for name, rows, classes in [("", ROWS, NAMES), ("_two", ROWS[TWO], NUMBERS[TWO] - 1)]:
        trees = lightgbm.LGBMClassifier(n_estimators=3, num_leaves=4, verbose=-1, random_state=1).fit(rows, classes)
        write(f"lightgbm{name}", onnxmltools.convert_lightgbm(trees, initial_types=ends))
        write(f"lightgbm{name}_tensor", onnxmltools.convert_lightgbm(trees, initial_types=ends, zipmap=False))
    for name, rows, classes in [("", ROWS, NUMBERS), ("_two", ROWS[TWO], NUMBERS[TWO] - 1)]:
        trees = xgboost.XGBClassifier(n_estimators=3, max_depth=2, random_state=1).fit(rows, classes)
        write(f"xgboost{name}", onnxmltools.convert_xgboost(trees, initial_types=ends))


def perceptrons():
    mlp = lambda scaler: make_pipeline(scaler, MLPClassifier((8, 6), max_iter=800, learning_rate_init=0.01, random_state=1))

    def keep(name, scaler, rows, classes, **options):
        labels = sklearn(name, mlp(scaler), rows, classes, **options).predict(ROWS)
        expected[f"{name}_label"] = np.searchsorted(np.unique(classes), labels)[:, None]

    keep("mlp_names", StandardScaler(), ROWS, NAMES)
    keep("mlp_tensor", MinMaxScaler(), ROWS, NUMBERS, zipmap=False)
    keep("mlp_double", StandardScaler(), ROWS.astype(np.float64), NAMES)
    keep("mlp_two", StandardScaler(), ROWS[TWO], NAMES[TWO])
    quantity = make_pipeline(StandardScaler(), MLPRegressor(hidden_layer_sizes=(8,), max_iter=800, random_state=1))
    sklearn("mlp_quantity", quantity, ROWS[:, :3], ROWS[:, 3])


if __name__ == "__main__":
    HERE.mkdir(exist_ok=True)
    forests()
    linear()
    boosted()
    perceptrons()
    np.savez_compressed(HERE / "expected.npz", **expected)
    table = pandas.DataFrame(ROWS, columns=COLUMNS)
    table.assign(species=NAMES, number=NUMBERS, fold=np.arange(len(ROWS)) % 3).to_csv(HERE / "iris.csv", index=False)
