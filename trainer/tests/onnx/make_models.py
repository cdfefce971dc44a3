"""Makes the ONNX files the teacher tests read, and what Python's ONNX Runtime answers for each.

    python make_models.py        (needs onnx, onnxruntime, numpy; writes beside itself, the same bytes every time)

Models that answer come as NAME.onnx with NAME.npz: `rows`, `logits` and, where the model names one, `embedding`.
Models to be refused come without.
"""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

HERE = Path(__file__).parent
OPSET = 17
random = np.random.default_rng(20261124)


def weights(*shape):
    """Normal weights with the variance of the fan-in."""
    fan_in = np.prod(shape[1:]) if len(shape) == 4 else shape[0]
    return (random.standard_normal(shape) / np.sqrt(fan_in)).astype(np.float32)


def tensor(name, values):
    return numpy_helper.from_array(np.asarray(values), name)


def real(name, *shape):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def model(name, nodes, inputs, outputs, initializers, opsets=(("", OPSET),)):
    graph = helper.make_graph(nodes, name, inputs, outputs, initializers)
    made = helper.make_model(
        graph, producer_name="make_models.py", ir_version=8, opset_imports=[helper.make_opsetid(*o) for o in opsets]
    )
    (HERE / f"{name}.onnx").write_bytes(made.SerializeToString(deterministic=True))
    return made


def answer(name, made, rows, input="rows", outputs=("logits",), at_once=None):
    """Records what ONNX Runtime says; `at_once` rows a call where the model has a fixed batch."""
    onnx.checker.check_model(made, full_check=True)
    session = onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    shape = session.get_inputs()[0].shape[1:]
    step = at_once or len(rows)
    batches = [rows[at : at + step].reshape(-1, *shape) for at in range(0, len(rows), step)]
    answers = [session.run(list(outputs), {input: batch}) for batch in batches]
    arrays = {output: np.concatenate([a[i] for a in answers]) for i, output in enumerate(outputs)}
    np.savez(HERE / f"{name}.npz", rows=rows, **arrays)


def rows(count, inputs):
    return random.standard_normal((count, inputs)).astype(np.float32)


def mlp(name, batch):
    nodes = [
        helper.make_node("Gemm", ["rows", "w1", "b1"], ["hidden"], "dense1"),
        helper.make_node("Relu", ["hidden"], ["embedding"], "relu1"),
        helper.make_node("Gemm", ["embedding", "w2"], ["logits"], "dense2", transB=1),
    ]
    initializers = [tensor("w1", weights(12, 16)), tensor("b1", weights(16)), tensor("w2", weights(16, 4).T.copy())]
    return model(
        name, nodes, [real("rows", batch, 12)], [real("logits", batch, 4), real("embedding", batch, 16)], initializers
    )


def cnn():
    nodes = [
        helper.make_node("Conv", ["image", "w1", "b1"], ["c1"], "conv1", pads=[1, 1, 1, 1]),
        helper.make_node("BatchNormalization", ["c1", "scale", "shift", "mean", "variance"], ["n1"], "norm1"),
        helper.make_node("Relu", ["n1"], ["r1"], "relu1"),
        helper.make_node("MaxPool", ["r1"], ["p1"], "pool1", kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Conv", ["p1", "w2"], ["c2"], "depthwise2", group=4, pads=[1, 1, 1, 1]),
        helper.make_node("Sigmoid", ["c2"], ["s2"], "sigmoid2"),
        helper.make_node("Mul", ["c2", "s2"], ["m2"], "swish2"),
        helper.make_node("GlobalAveragePool", ["m2"], ["p2"], "pool2"),
        helper.make_node("Flatten", ["p2"], ["f2"], "flatten2"),
        helper.make_node("Gemm", ["f2", "w3", "b3"], ["logits"], "dense3"),
    ]
    initializers = [
        tensor("w1", weights(4, 1, 3, 3)),
        tensor("b1", weights(4)),
        tensor("scale", (1 + 0.1 * random.standard_normal(4)).astype(np.float32)),
        tensor("shift", (0.1 * random.standard_normal(4)).astype(np.float32)),
        tensor("mean", (0.1 * random.standard_normal(4)).astype(np.float32)),
        tensor("variance", random.uniform(0.5, 2, 4).astype(np.float32)),
        tensor("w2", weights(4, 1, 3, 3)),
        tensor("w3", 8 * weights(4, 3)),
        tensor("b3", weights(3)),
    ]
    return model("cnn", nodes, [real("image", "batch", 1, 8, 8)], [real("logits", "batch", 3)], initializers)


NODES, INPUTS, HIDDEN, CLASSES = 20, 6, 8, 3


def ring_with_chords():
    """Both directions of every edge, and self-loops."""
    edges = {(node, (node + step) % NODES) for node in range(NODES) for step in (1, 5)}
    edges |= {(b, a) for a, b in edges} | {(node, node) for node in range(NODES)}
    return np.array(sorted(edges), dtype=np.int64)


def propagation(edges):
    """Weight of every edge, 1 / sqrt(degree of both ends)."""
    degree = np.bincount(edges[:, 0], minlength=NODES)
    return (1 / np.sqrt(degree[edges[:, 0]] * degree[edges[:, 1]])).astype(np.float32)


def gcn_dense(edges):
    adjacency = np.zeros((NODES, NODES), np.float32)
    adjacency[edges[:, 0], edges[:, 1]] = propagation(edges)
    nodes = [
        helper.make_node("MatMul", ["rows", "w1"], ["d1"], "dense1"),
        helper.make_node("MatMul", ["adjacency", "d1"], ["g1"], "propagate1"),
        helper.make_node("Relu", ["g1"], ["r1"], "relu1"),
        helper.make_node("MatMul", ["r1", "w2"], ["d2"], "dense2"),
        helper.make_node("MatMul", ["adjacency", "d2"], ["logits"], "propagate2"),
    ]
    w1, w2 = tensor("w1", weights(INPUTS, HIDDEN)), tensor("w2", weights(HIDDEN, CLASSES))
    inputs, outputs = [real("rows", NODES, INPUTS)], [real("logits", NODES, CLASSES)]
    # The same network with the adjacency as a second input, which a row teacher cannot be given.
    model("two_inputs", nodes, [*inputs, real("adjacency", NODES, NODES)], outputs, [w1, w2])
    return model("gcn_dense", nodes, inputs, outputs, [tensor("adjacency", adjacency), w1, w2])


def gcn_scatter(edges):
    nodes = []
    for layer, source in ((1, "rows"), (2, "r1")):
        nodes += [
            helper.make_node("MatMul", [source, f"w{layer}"], [f"d{layer}"], f"dense{layer}"),
            helper.make_node("Gather", [f"d{layer}", "from"], [f"e{layer}"], f"gather{layer}", axis=0),
            helper.make_node("Mul", [f"e{layer}", "weight"], [f"m{layer}"], f"weigh{layer}"),
            helper.make_node(
                "ScatterND",
                [f"zeros{layer}", "to", f"m{layer}"],
                [f"s{layer}" if layer == 1 else "logits"],
                f"scatter{layer}",
                reduction="add",
            ),
        ]
        if layer == 1:
            nodes.append(helper.make_node("Relu", ["s1"], ["r1"], "relu1"))
    initializers = [
        tensor("from", edges[:, 1]),
        tensor("to", edges[:, :1]),
        tensor("weight", propagation(edges)[:, None]),
        tensor("zeros1", np.zeros((NODES, HIDDEN), np.float32)),
        tensor("zeros2", np.zeros((NODES, CLASSES), np.float32)),
        tensor("w1", weights(INPUTS, HIDDEN)),
        tensor("w2", weights(HIDDEN, CLASSES)),
    ]
    return model("gcn_scatter", nodes, [real("rows", NODES, INPUTS)], [real("logits", NODES, CLASSES)], initializers)


def softmax():
    """Answers with probabilities, which are no logits and do not say so."""
    nodes = [
        helper.make_node("MatMul", ["rows", "w"], ["logits"], "dense"),
        helper.make_node("Softmax", ["logits"], ["probabilities"], "softmax", axis=1),
    ]
    outputs = [real("probabilities", "batch", 4), real("logits", "batch", 4)]
    return model("softmax", nodes, [real("rows", "batch", 12)], outputs, [tensor("w", 3 * weights(12, 4))])


def refused():
    """Files that must be told apart from damaged ones."""
    dense = helper.make_node("MatMul", ["rows", "w"], ["hidden"], "dense")
    w = tensor("w", weights(4, 4))
    ends = [real("rows", "batch", 4)], [real("logits", "batch", 4)]
    whiten = helper.make_node("Whiten", ["hidden"], ["logits"], "whiten", domain="com.example")
    model("unsupported_operator", [dense, whiten], *ends, [w], opsets=(("", OPSET), ("com.example", 3)))

    over_rows = helper.make_node("Softmax", ["hidden"], ["logits"], "over_rows", axis=0)
    model("mixes_rows", [dense, over_rows], *ends, [w])

    outside = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4, 4], data_location=TensorProto.EXTERNAL)
    for key, value in (("location", "../weights.bin"), ("offset", "0"), ("length", "64")):
        outside.external_data.add(key=key, value=value)
    plain = helper.make_node("MatMul", ["rows", "w"], ["logits"], "dense")
    model("external_data", [plain], *ends, [outside])

    cast = helper.make_node("Cast", ["tokens"], ["logits"], "cast", to=TensorProto.FLOAT)
    tokens = helper.make_tensor_value_info("tokens", TensorProto.INT64, ["batch", 4])
    model("integer_input", [cast], [tokens], [real("logits", "batch", 4)], [])

    best = helper.make_node("ArgMax", ["rows"], ["label"], "best", axis=1, keepdims=0)
    label = helper.make_tensor_value_info("label", TensorProto.INT64, ["batch"])
    model("label_without_classes", [best], [real("rows", "batch", 4)], [label], [])

    square = helper.make_node("Mul", ["rows", "rows"], ["logits"], "square")
    model("free_width", [square], [real("rows", "batch", "width")], [real("logits", "batch", "width")], [])


def endless():
    """Answers its own rows, and turns for ever where one of them is above 50."""
    turn = helper.make_graph(
        [helper.make_node("Identity", ["on"], ["still"]), helper.make_node("Identity", ["state"], ["next"])],
        "turn",
        [
            helper.make_tensor_value_info("turns", TensorProto.INT64, []),
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            real("state", "batch", 2),
        ],
        [helper.make_tensor_value_info("still", TensorProto.BOOL, []), real("next", "batch", 2)],
    )
    nodes = [
        helper.make_node("ReduceMax", ["rows"], ["largest"], "largest", keepdims=0),
        helper.make_node("Greater", ["largest", "limit"], ["for_ever"], "compare"),
        helper.make_node("Loop", ["", "for_ever", "rows"], ["logits"], "loop", body=turn),
    ]
    limit = tensor("limit", np.float32(50))
    model("endless", nodes, [real("rows", "batch", 2)], [real("logits", "batch", 2)], [limit])


if __name__ == "__main__":
    both = ("logits", "embedding")
    answer("mlp", mlp("mlp", "batch"), rows(37, 12), outputs=both)
    answer("mlp_batch4", mlp("mlp_batch4", 4), rows(12, 12), outputs=both, at_once=4)
    answer("cnn", cnn(), rows(19, 64), input="image")
    edges = ring_with_chords()
    answer("gcn_dense", gcn_dense(edges), rows(NODES, INPUTS))
    answer("gcn_scatter", gcn_scatter(edges), rows(NODES, INPUTS))
    refused()
    answer("softmax", softmax(), rows(37, 12), outputs=("probabilities", "logits"))
    endless()
