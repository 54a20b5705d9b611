"""Makes the golden ONNX models of formats' tests with Python's onnx and runs them with onnxruntime.

For each model NAME.onnx there is NAME.txt: the weights with their output and reduction axes, an
input x, and the output y of the model in which every weight with an odd row-major index is zero.

    python make_onnx_models.py ../resources/dev/coppice/formats/onnx/golden
"""

import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

OPSETS = [helper.make_opsetid("", 17)]
rng = np.random.default_rng(0)


def weights(*shape):
    return rng.uniform(-1, 1, shape).astype(np.float32)


def typed(name, array, data_type):
    """Writes values one by one: float_data, or int32_data for 16-bit types."""
    return helper.make_tensor(name, data_type, array.shape, array.flatten().tolist(), raw=False)


def model(nodes, initializers, x_shape):
    graph = helper.make_graph(
        nodes,
        "golden",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x_shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None] * len(x_shape))],
        initializers,
    )
    return helper.make_model(graph, opset_imports=OPSETS, ir_version=8)


def node(op, inputs, output, **attributes):
    return helper.make_node(op, inputs, [output], name=f"node_{output}", **attributes)


def zeroed(tensor):
    array = numpy_helper.to_array(tensor).copy()
    array.reshape(-1)[1::2] = 0
    return numpy_helper.from_array(array, tensor.name)


def zero_all(graph, names):
    for i, tensor in enumerate(graph.initializer):
        if tensor.name in names:
            graph.initializer[i].CopyFrom(zeroed(tensor))
    for n in graph.node:
        for attribute in n.attribute:
            if n.op_type == "Constant" and n.output[0] in names:
                attribute.t.CopyFrom(zeroed(attribute.t))
            if attribute.HasField("g"):
                zero_all(attribute.g, names)


def golden(folder, name, proto, x_shape, axes, external=False):
    path = folder / f"{name}.onnx"
    pruned = onnx.ModelProto()
    pruned.CopyFrom(proto)
    onnx.checker.check_model(proto, full_check=True)
    if external:
        onnx.save_model(proto, path, save_as_external_data=True, location=f"{name}.bin", size_threshold=0)
    else:
        onnx.save_model(proto, path)
    zero_all(pruned.graph, axes)
    session = onnxruntime.InferenceSession(pruned.SerializeToString(), providers=["CPUExecutionProvider"])
    x = rng.uniform(-1, 1, x_shape).astype(np.float32)
    y = session.run(["y"], {"x": x})[0]
    with open(folder / f"{name}.txt", "w", encoding="ascii") as out:
        print(" ".join(f"{w}:{o}:{r}" for w, (o, r) in axes.items()), file=out)
        for array in (x, y):
            print(" ".join(map(str, array.shape)), file=out)
            print(" ".join(repr(float(v)) for v in array.flatten()), file=out)


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    mlp = [
        node("MatMul", ["x", "w1"], "a"),
        node("Relu", ["a"], "b"),
        node("Gemm", ["b", "w2", "c"], "y", transB=1),
    ]
    w1, w2, c = weights(6, 10), weights(4, 10), weights(4)
    axes = {"w1": (1, 0), "w2": (0, 1)}
    raw = [numpy_helper.from_array(v, n) for n, v in (("w1", w1), ("w2", w2), ("c", c))]
    golden(folder, "raw", model(mlp, raw, [3, 6]), [3, 6], axes)
    golden(folder, "external", model(mlp, raw, [3, 6]), [3, 6], axes, external=True)
    floats = [typed(n, v, TensorProto.FLOAT) for n, v in (("w1", w1), ("w2", w2), ("c", c))]
    golden(folder, "float_data", model(mlp, floats, [3, 6]), [3, 6], axes)

    cast = [
        node("Cast", ["h"], "h32", to=TensorProto.FLOAT),
        node("Transpose", ["h32"], "ht", perm=[1, 0]),
        node("MatMul", ["x", "ht"], "y"),
    ]
    halves = [typed("h", weights(5, 6), TensorProto.FLOAT16)]
    golden(folder, "float16_int32_data", model(cast, halves, [3, 6]), [3, 6], {"h": (0, 1)})
    brain = [typed("h", weights(5, 6), TensorProto.BFLOAT16)]
    golden(folder, "bfloat16_int32_data", model(cast, brain, [3, 6]), [3, 6], {"h": (0, 1)})

    convolutions = [
        helper.make_node("Constant", [], ["k"], value=numpy_helper.from_array(weights(4, 2, 3, 3))),
        node("Conv", ["x", "k"], "a", group=2, pads=[1, 1, 1, 1]),
        node("ConvTranspose", ["a", "t"], "y", strides=[2, 2]),
    ]
    t = [numpy_helper.from_array(weights(4, 3, 2, 2), "t")]
    shape = [1, 4, 4, 4]
    golden(folder, "convolutions", model(convolutions, t, shape), shape, {"k": (0, 1), "t": (1, 0)})

    def branch(name, op, weight):
        value = helper.make_tensor_value_info(name + "_y", TensorProto.FLOAT, [None, None])
        body = [node(op, weight, name + "_y")]
        return helper.make_graph(body, name, [], [value], [numpy_helper.from_array(weights(4, 4), name + "_w")])

    nested = [
        node("ReduceSum", ["x"], "s", keepdims=0),
        node("Cast", ["s"], "c", to=TensorProto.BOOL),
        node(
            "If",
            ["c"],
            "y",
            then_branch=branch("then", "MatMul", ["x", "then_w"]),
            else_branch=branch("else", "MatMul", ["else_w", "x"]),
        ),
    ]
    axes = {"then_w": (1, 0), "else_w": (0, 1)}
    golden(folder, "nested", model(nested, [], [4, 4]), [4, 4], axes)


main()
