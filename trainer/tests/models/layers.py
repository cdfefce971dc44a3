"""Runs every layer of an exported student alone in ONNX Runtime: python layers.py MODEL.onnx VECTORS.npz

VECTORS.npz holds the student's own integers `x`, `y0`, `y1`, ... of some rows. Each layer is fed the integers before it;
one line a layer: values, off by one, larger. With `features` in the archive the front end is compared as layer `x`.
"""

import sys

import numpy as np
import onnx
import onnxruntime
from onnx.utils import Extractor

model, vectors = onnx.load(sys.argv[1]), np.load(sys.argv[2])
onnx.checker.check_model(model, full_check=True)
stages = [("x", f"y{0}")]
while f"y{len(stages)}" in vectors:
    stages.append((f"y{len(stages) - 1}", f"y{len(stages)}"))
if "features" in vectors:
    stages.insert(0, ("features", "x"))
inferred = onnx.shape_inference.infer_shapes(model)
for source, target in stages:
    part = Extractor(inferred).extract_model([source], [target])
    session = onnxruntime.InferenceSession(part.SerializeToString(), providers=["CPUExecutionProvider"])
    found = session.run(None, {source: vectors[source]})[0].astype(np.int32)
    apart = np.abs(found - vectors[target].astype(np.int32))
    print(target, apart.size, int((apart == 1).sum()), int((apart > 1).sum()))
