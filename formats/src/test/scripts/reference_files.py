"""Writes the files that ReferenceFilesTest reads, with the reference implementation (safetensors 0.8)."""

import ctypes
import pathlib
import sys

import safetensors

TYPES = {
    "bool": (1, "BOOL"), "uint8": (1, "U8"), "int8": (1, "I8"),
    "float8_e4m3fn": (1, "F8_E4M3"), "float8_e5m2": (1, "F8_E5M2"), "float8_e8m0fnu": (1, "F8_E8M0"),
    "float8_e4m3fnuz": (1, "F8_E4M3FNUZ"), "float8_e5m2fnuz": (1, "F8_E5M2FNUZ"),
    "int16": (2, "I16"), "uint16": (2, "U16"), "float16": (2, "F16"), "bfloat16": (2, "BF16"),
    "int32": (4, "I32"), "uint32": (4, "U32"), "float32": (4, "F32"),
    "complex64": (8, "C64"), "float64": (8, "F64"), "int64": (8, "I64"), "uint64": (8, "U64"),
    "float4_e2m1fn_x2": (1, "F4"),
}


def data(name, size):
    return bytes((37 * i + 11 + len(name)) % 256 for i in range(size))


BUFFERS = []


def tensor(dtype, shape, name):
    size = TYPES[dtype][0]
    for d in shape:
        size *= d
    buffer = ctypes.create_string_buffer(data(name, size), max(size, 1))
    BUFFERS.append(buffer)
    return safetensors.TensorSpec(
        dtype=dtype, shape=shape, data_ptr=ctypes.addressof(buffer), data_len=size)


folder = pathlib.Path(sys.argv[1])
types = {name: tensor(dtype, [3, 4], name) for dtype, (_, name) in TYPES.items()}
(folder / "types.safetensors").write_bytes(safetensors.serialize(types, {"format": "pt", "é": "\"\n😀"}))
shapes = {n: tensor("float32", s, n) for n, s in
          {"scalar": [], "empty": [2, 0], "vector": [5], "matrix": [3, 2], "convolution": [2, 3, 1, 1],
           "": [1], "名前/😀\n": [1, 1]}.items()}
(folder / "shapes.safetensors").write_bytes(safetensors.serialize(shapes, None))
(folder / "none.safetensors").write_bytes(safetensors.serialize({}, None))
