"""Makes the small models beside this script, and what their own runtimes compute for them.

Run with Python and `pip install numpy onnx onnxruntime flatbuffers ai-edge-litert`:

    python make.py

Every number comes from one seed. For each model that can be run, `NAME.npz` holds real rows `x` and the runtime's
outputs `y` (real; the source's integers times their scale). Models named `refused_*` must not import.
"""

import os

import flatbuffers
import numpy as np
import onnx
import onnxruntime
from ai_edge_litert import interpreter as litert
from ai_edge_litert import schema_py_generated as schema
from onnx import TensorProto, helper, numpy_helper

HERE = os.path.dirname(os.path.abspath(__file__))
INPUTS, HIDDEN, OUTPUTS, ROWS = 6, 5, 3, 24
random = np.random.default_rng(20261124)


def path(name):
    return os.path.join(HERE, name)


def rows():
    return random.uniform(-1.0, 1.0, (ROWS, INPUTS)).astype(np.float32)


def weights(outputs, inputs, low=-127):
    w = random.integers(low, 128, (outputs, inputs)).astype(np.int8)
    w[0, 0] = low
    return w


# ---------------------------------------------------------------- TFLite


class Tflite:
    """One chain of operators over int8, uint8 or float tensors of shape [1, width]."""

    TYPES = {np.dtype(np.float32): 0, np.dtype(np.int32): 2, np.dtype(np.uint8): 3, np.dtype(np.int8): 9}

    def __init__(self):
        self.model = schema.ModelT()
        self.model.version = 3
        self.model.description = "eyas test model"
        self.model.buffers = [schema.BufferT()]
        self.model.operatorCodes = []
        self.graph = schema.SubGraphT()
        self.graph.tensors, self.graph.operators = [], []
        self.model.subgraphs = [self.graph]

    def tensor(self, shape, dtype, scales=None, zero_points=None, data=None):
        tensor = schema.TensorT()
        tensor.shape, tensor.type = list(shape), self.TYPES[np.dtype(dtype)]
        tensor.name = f"t{len(self.graph.tensors)}"
        if scales is not None:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale = [float(s) for s in np.atleast_1d(scales)]
            zeros = 0 if zero_points is None else zero_points
            tensor.quantization.zeroPoint = [int(z) for z in np.broadcast_to(zeros, np.shape(np.atleast_1d(scales)))]
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(data).tobytes(), np.uint8)
            tensor.buffer = len(self.model.buffers)
            self.model.buffers.append(buffer)
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def operator(self, code, inputs, outputs, options_type=0, options=None):
        known = [entry.builtinCode for entry in self.model.operatorCodes]
        if code not in known:
            entry = schema.OperatorCodeT()
            entry.builtinCode, entry.deprecatedBuiltinCode = code, min(code, 127)
            entry.version = {9: 4, 114: 2, 25: 2, 6: 2}.get(code, 1)
            self.model.operatorCodes.append(entry)
            known.append(code)
        operator = schema.OperatorT()
        operator.opcodeIndex = known.index(code)
        operator.inputs, operator.outputs = list(inputs), list(outputs)
        operator.builtinOptionsType, operator.builtinOptions = options_type, options
        self.graph.operators.append(operator)

    def dense(self, x, w, bias, scale_in, scales, scale_out, zero_out, activation=0):
        outputs = w.shape[0]
        wt = self.tensor(w.shape, np.int8, scales, 0, w)
        inputs = [x, wt, -1]
        if bias is not None:
            inputs[2] = self.tensor([outputs], np.int32, np.atleast_1d(scales) * scale_in, 0, bias)
        y = self.tensor([1, outputs], np.int8, scale_out, zero_out)
        options = schema.FullyConnectedOptionsT()
        options.fusedActivationFunction = activation
        self.operator(9, inputs, [y], schema.BuiltinOptions.FullyConnectedOptions, options)
        return y

    def save(self, name, x, y):
        self.graph.inputs, self.graph.outputs = [x], [y]
        builder = flatbuffers.Builder(4096)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        with open(path(name + ".tflite"), "wb") as file:
            file.write(bytes(builder.Output()))


def run_tflite(name):
    """Runs a model on real rows with the reference kernels, whose requantization rounds twice."""
    resolver = litert.OpResolverType.BUILTIN_REF
    run = litert.Interpreter(path(name + ".tflite"), experimental_op_resolver_type=resolver)
    run.allocate_tensors()
    source, target = run.get_input_details()[0], run.get_output_details()[0]
    x, y = rows(), []
    for row in x:
        row = row[None]
        if source["dtype"] != np.float32:
            scale, zero = source["quantization"]
            limits = np.iinfo(source["dtype"])
            row = np.clip(np.floor(row / scale + zero + 0.5), limits.min, limits.max).astype(source["dtype"])
        run.set_tensor(source["index"], row.reshape(source["shape"]))
        run.invoke()
        out = run.get_tensor(target["index"]).astype(np.float64)
        if target["dtype"] != np.float32:
            scale, zero = target["quantization"]
            out = (out - zero) * scale
        y.append(out.ravel())
    np.savez(path(name + ".npz"), x=x, y=np.array(y, np.float32))


S_IN, Z_IN, S_W, S_HID, S_OUT, Z_OUT = 1 / 100, -7, 0.01, 0.03, 0.05, 9


def tflite_models():
    # float -> quantize -> reshape -> dense (ReLU6, by channel, no bias) -> dense -> dequantize -> softmax is dropped
    m = Tflite()
    x = m.tensor([1, INPUTS], np.float32)
    q = m.tensor([1, INPUTS], np.int8, S_IN, Z_IN)
    m.operator(114, [x], [q])
    r = m.tensor([1, INPUTS], np.int8, S_IN, Z_IN)
    shape = m.tensor([2], np.int32, data=np.array([1, INPUTS], np.int32))
    m.operator(22, [q, shape], [r])
    channels = np.linspace(0.01, 0.04, HIDDEN).astype(np.float32)
    h = m.dense(r, weights(HIDDEN, INPUTS), None, S_IN, channels, S_HID, -128, activation=3)
    bias = random.integers(-500, 500, OUTPUTS).astype(np.int32)
    y = m.dense(h, weights(OUTPUTS, HIDDEN), bias, S_HID, S_W, S_OUT, Z_OUT)
    d = m.tensor([1, OUTPUTS], np.float32)
    m.operator(6, [y], [d])
    m.save("surroundings", x, d)
    run_tflite("surroundings")
    s = m.tensor([1, OUTPUTS], np.float32)
    options = schema.SoftmaxOptionsT()
    options.beta = 1.0
    m.operator(25, [d], [s], schema.BuiltinOptions.SoftmaxOptions, options)
    m.save("softmax", x, s)

    m = Tflite()
    x = m.tensor([1, INPUTS], np.uint8, S_IN, Z_IN + 128)
    q = m.tensor([1, INPUTS], np.int8, S_IN, Z_IN)
    m.operator(114, [x], [q])
    bias = random.integers(-500, 500, HIDDEN).astype(np.int32)
    h = m.dense(q, weights(HIDDEN, INPUTS), bias, S_IN, S_W, S_HID, -128, activation=1)
    y = m.dense(h, weights(OUTPUTS, HIDDEN), None, S_HID, S_W, S_OUT, Z_OUT)
    u = m.tensor([1, OUTPUTS], np.uint8, S_OUT, Z_OUT + 128)
    m.operator(114, [y], [u])
    m.save("uint8", x, u)
    run_tflite("uint8")

    m = Tflite()
    x = m.tensor([1, INPUTS], np.int8, S_IN, Z_IN)
    h = m.dense(x, weights(HIDDEN, INPUTS, low=-128), None, S_IN, S_W, S_HID, -128, activation=1)
    y = m.dense(h, weights(OUTPUTS, HIDDEN, low=-128), None, S_HID, S_W, S_OUT, Z_OUT)
    m.save("minus_128", x, y)
    run_tflite("minus_128")

    m = Tflite()
    x = m.tensor([1, INPUTS], np.int8, S_IN, Z_IN)
    y = m.tensor([1, INPUTS], np.int8, S_OUT, 0)
    m.operator(14, [x], [y])
    m.save("refused_logistic", x, y)

    m = Tflite()
    x = m.tensor([1, INPUTS], np.float32)
    w = m.tensor([OUTPUTS, INPUTS], np.float32, data=random.normal(size=(OUTPUTS, INPUTS)).astype(np.float32))
    y = m.tensor([1, OUTPUTS], np.float32)
    m.operator(9, [x, w, -1], [y], schema.BuiltinOptions.FullyConnectedOptions, schema.FullyConnectedOptionsT())
    m.save("refused_float", x, y)

    m = Tflite()
    x = m.tensor([1, INPUTS], np.int8, S_IN, Z_IN)
    h = m.dense(x, weights(INPUTS, INPUTS), None, S_IN, S_W, S_IN, Z_IN)
    y = m.tensor([1, INPUTS], np.int8, S_OUT, 0)
    m.operator(0, [h, x], [y], schema.BuiltinOptions.AddOptions, schema.AddOptionsT())
    m.save("refused_residual", x, y)


# ---------------------------------------------------------------- ONNX


class Onnx:
    """One chain of nodes; constants are added as they are named."""

    def __init__(self):
        self.nodes, self.constants = [], []

    def constant(self, name, array):
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def node(self, operator, inputs, output, **attributes):
        self.nodes.append(helper.make_node(operator, inputs, [output], name=f"node_{output}", **attributes))
        return output

    def coding(self, name, scale, zero, dtype):
        return [self.constant(f"{name}_scale", np.float32(scale)), self.constant(f"{name}_zero", dtype(zero))]

    def round_trip(self, x, scale, zero, dtype):
        """Quantizes and dequantizes an activation."""
        coding = self.coding(f"{x}_q", scale, zero, dtype)
        self.node("QuantizeLinear", [x, *coding], f"{x}_steps")
        return self.node("DequantizeLinear", [f"{x}_steps", *coding], f"{x}_on_steps")

    def weights(self, name, w, scales, zero, axis=0):
        """A dequantized constant."""
        scales = np.asarray(scales, np.float32)
        zeros = np.full(scales.shape, zero, w.dtype)
        inputs = [self.constant(name, w), self.constant(f"{name}_scale", scales), self.constant(f"{name}_zero", zeros)]
        return self.node("DequantizeLinear", inputs, f"{name}_real", axis=axis)

    def save(self, name, y, external=False, outputs=OUTPUTS):
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", INPUTS])
        out = helper.make_tensor_value_info(y, TensorProto.FLOAT, ["N", outputs])
        if external:
            tensor = self.constants[0]
            tensor.ClearField("raw_data")
            tensor.data_location = TensorProto.EXTERNAL
            tensor.external_data.add(key="location", value="../weights.bin")
        graph = helper.make_graph(self.nodes, "test", [x], [out], self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], producer_name="eyas tests")
        model.ir_version = 8
        with open(path(name + ".onnx"), "wb") as file:
            file.write(model.SerializeToString())


def run_onnx(name):
    """Runs a model without graph optimisation: the arithmetic that the file spells out."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(path(name + ".onnx"), options, providers=["CPUExecutionProvider"])
    x = rows()
    np.savez(path(name + ".npz"), x=x, y=session.run(None, {"x": x})[0])


def onnx_models():
    # uint8 activations and weights, MatMul and Add, weights of the second layer transposed in the graph
    m = Onnx()
    h = m.round_trip("x", S_IN, Z_IN + 128, np.uint8)
    w = (weights(HIDDEN, INPUTS).astype(np.int16) + 128).astype(np.uint8).T.copy()
    m.node("MatMul", [h, m.weights("w0", w, S_W, 128)], "product0")
    m.node("Add", [m.constant("b0", random.normal(size=HIDDEN).astype(np.float32)), "product0"], "sums0")
    h = m.round_trip(m.node("Relu", ["sums0"], "relu0"), S_HID, 0, np.uint8)
    scales = np.linspace(0.005, 0.02, OUTPUTS)
    w = m.node("Transpose", [m.weights("w1", weights(OUTPUTS, HIDDEN), scales, 0)], "w1_transposed", perm=[1, 0])
    m.node("MatMul", [h, w], "product1")
    m.node("Add", ["product1", m.constant("b1", random.normal(size=OUTPUTS).astype(np.float32))], "sums1")
    m.save("matmul_add", m.round_trip("sums1", S_OUT, Z_OUT + 128, np.uint8))
    run_onnx("matmul_add")

    # Gemm with factors and weights by column, Clip as ReLU6, Flatten before, Softmax behind
    m = Onnx()
    m.node("Flatten", ["x"], "flat")
    h = m.round_trip("flat", S_IN, Z_IN, np.int8)
    scales = np.linspace(0.02, 0.08, HIDDEN)
    w = m.weights("w0", weights(HIDDEN, INPUTS).T.copy(), scales, 0, axis=1)
    b = m.weights("b0", random.integers(-500, 500, HIDDEN).astype(np.int32), S_IN * scales, 0)
    m.node("Gemm", [h, w, b], "sums0", alpha=0.5, beta=2.0)
    bounds = [m.constant("zero", np.float32(0)), m.constant("six", np.float32(6))]
    h = m.round_trip(m.node("Clip", ["sums0", *bounds], "relu6"), S_HID, -128, np.int8)
    m.node("Gemm", [h, m.weights("w1", weights(OUTPUTS, HIDDEN), S_W, 0)], "sums1", transB=1, alpha=-1.0)
    y = m.round_trip("sums1", S_OUT, Z_OUT, np.int8)
    m.save("gemm_factors", y)
    run_onnx("gemm_factors")
    m.node("Softmax", [y], "shares")
    m.save("gemm_softmax", "shares")

    m = Onnx()
    h = m.round_trip("x", S_IN, Z_IN, np.int8)
    m.node("Gemm", [h, m.weights("w0", weights(OUTPUTS, INPUTS, low=-128), S_W, 0)], "sums0", transB=1)
    m.save("minus_128_qdq", m.round_trip("sums0", S_OUT, Z_OUT, np.int8))
    run_onnx("minus_128_qdq")

    real = lambda *shape: random.normal(size=shape).astype(np.float32)
    m = Onnx()
    m.node("MatMul", ["x", m.constant("w0", real(INPUTS, HIDDEN))], "product0")
    m.node("Add", ["product0", m.constant("b0", real(HIDDEN))], "sums0")
    bounds = [m.constant("zero", np.float32(0)), m.constant("six", np.float32(6))]
    m.node("Clip", ["sums0", *bounds], "relu6")
    m.node("Gemm", ["relu6", m.constant("w1", real(OUTPUTS, HIDDEN)), m.constant("b1", real(OUTPUTS))], "y", transB=1)
    m.save("float_relu6", "y")
    run_onnx("float_relu6")

    m = Onnx()
    m.node("Gemm", ["x", m.constant("w0", real(OUTPUTS, INPUTS))], "y", transB=1)
    m.save("refused_external", "y", external=True)

    m = Onnx()
    m.node("Gemm", ["x", m.constant("w0", real(OUTPUTS, INPUTS))], "sums", transB=1)
    m.node("Tanh", ["sums"], "y")
    m.save("refused_tanh", "y")

    m = Onnx()
    h = m.round_trip("x", S_IN, Z_IN, np.int8)
    m.node("Gemm", [h, m.weights("w0", weights(OUTPUTS, INPUTS), S_W, 0)], "y", transB=1)
    m.save("refused_half_quantized", "y")

    m = Onnx()
    m.node("Gemm", ["x", m.constant("w0", real(INPUTS, INPUTS))], "sums", transB=1)
    m.node("Add", ["sums", "x"], "y")
    m.save("refused_skip", "y", outputs=INPUTS)


tflite_models()
onnx_models()
