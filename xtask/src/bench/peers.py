"""Times ONNX Runtime and LiteRT on one anchor network: one thread, thread CPU time, medians.

Prints one JSON object a line: engine, nanoseconds per inference for single samples and batches of 256, each as called
from Python and without the copies of inputs and outputs, and the cost of a call that computes nothing.
"""

import argparse
import json
import time

import numpy as np

ROUNDS, ROUND_NS, BATCH = 11, 20_000_000, 256


def median(run):
    times, rounds = 16, []
    while len(rounds) < ROUNDS:
        start = time.thread_time_ns()
        for _ in range(times):
            run()
        took = time.thread_time_ns() - start
        if took < ROUND_NS:
            times *= 2
        else:
            rounds.append(took / times)
    return sorted(rounds)[ROUNDS // 2]


def empty_call():
    """Nanoseconds of an empty Python call, which each figure holds once."""
    return median(lambda: None)


def field(number, payload):
    if isinstance(payload, int):
        return bytes([number << 3, payload])
    return bytes([number << 3 | 2, len(payload)]) + payload


def identity_model():
    """The bytes of an ONNX model that hands x on as y: what a call costs."""
    value = lambda name: field(1, name) + field(2, field(1, field(1, 1) + field(2, field(1, field(1, 1)))))
    node = field(1, b"x") + field(2, b"y") + field(4, b"Identity")
    graph = field(1, node) + field(2, b"g") + field(11, value(b"x")) + field(12, value(b"y"))
    return field(1, 8) + field(7, graph) + field(8, field(2, 13))


def onnxruntime(folder, name, x, scale, zero_point):
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    session = ort.InferenceSession(f"{folder}/{name}_qdq.onnx", options, providers=["CPUExecutionProvider"])
    real = (x.astype(np.float32) - zero_point) * np.float32(scale)

    def timed(session, feed, bound):
        binding = session.io_binding()
        binding.bind_cpu_input("x", feed)
        binding.bind_output("y")
        if bound:
            return median(lambda: session.run_with_iobinding(binding))
        return median(lambda: session.run(None, {"x": feed}))

    one, many = np.ascontiguousarray(real[:1]), np.ascontiguousarray(real[:BATCH])
    empty = ort.InferenceSession(identity_model(), options, providers=["CPUExecutionProvider"])
    return {
        "version": ort.__version__,
        "single": timed(session, one, False),
        "single_bound": timed(session, one, True),
        "batch": timed(session, many, False) / BATCH,
        "batch_bound": timed(session, many, True) / BATCH,
        "call": timed(empty, np.zeros(1, np.float32), True),
    }


def litert(folder, name, x):
    import importlib.metadata

    from ai_edge_litert.interpreter import Interpreter

    def timed(rows):
        interpreter = Interpreter(f"{folder}/{name}.tflite", num_threads=1)
        entry, exit_ = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
        interpreter.resize_tensor_input(entry, rows.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(entry, rows)

        def whole():
            interpreter.set_tensor(entry, rows)
            interpreter.invoke()
            interpreter.get_tensor(exit_)

        return median(whole), median(interpreter.invoke)

    single, single_bound = timed(np.ascontiguousarray(x[:1]))
    batch, batch_bound = timed(np.ascontiguousarray(x[:BATCH]))
    return {
        "version": importlib.metadata.version("ai-edge-litert"),
        "single": single,
        "single_bound": single_bound,
        "batch": batch / BATCH,
        "batch_bound": batch_bound / BATCH,
        "call": None,
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("name")
    arguments = parser.parse_args()
    arrays = np.load(f"{arguments.folder}/{arguments.name}.npz")
    x = np.tile(arrays["x"], (BATCH // len(arrays["x"]), 1))
    scale, zero_point = float(arrays["s_in0"]), int(arrays["z_in0"])
    for engine, run in {
        "ONNX Runtime": lambda: onnxruntime(arguments.folder, arguments.name, x, scale, zero_point),
        "LiteRT": lambda: litert(arguments.folder, arguments.name, x),
    }.items():
        print(json.dumps({"engine": engine, **run(), "empty": empty_call()}))


main()
