#!/usr/bin/env python3
"""Makes the golden vectors in src/test/resources/dev/coppice/golden.

They say what torch and numpy make of the parts of the specification that are easy to get wrong, so
that the tests do not only compare Coppice with itself. The vectors are committed; neither the
product nor its tests run Python. Run it again, from any folder, to add a case:

    python3 make_golden_vectors.py

It needs Python 3.10 or newer, torch (2.13.0 made the committed files), numpy (2.4.6) and g++, which
compiles the Philox engine in torch's C++ headers.
"""

import hashlib
import pathlib
import subprocess
import tempfile

import numpy as np
import torch
from torch.ao.pruning import WeightNormSparsifier
from torch.nn.utils import prune

OUT = pathlib.Path(__file__).resolve().parent.parent / "resources/dev/coppice/golden"
TYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


def bits_of(tensor):
    """The elements' bits as unsigned numbers."""
    integers = torch.int32 if tensor.element_size() == 4 else torch.int16
    width = np.uint32 if tensor.element_size() == 4 else np.uint16
    return tensor.contiguous().view(integers).numpy().view(width)


def case(operation, dtype, bits, mask):
    digits = 8 if dtype == "F32" else 4
    return [
        operation,
        dtype,
        " ".join(f"{int(b):0{digits}x}" for b in bits.flatten()),
        "".join(str(int(m)) for m in mask.flatten()),
    ]


def without_ties(shape, dtype, seed):
    """Normally distributed weights of which no two have the same absolute value."""
    generator = torch.Generator().manual_seed(seed)
    count = int(np.prod(shape))
    draw = torch.randn(20 * count, generator=generator).to(TYPES[dtype])
    _, first = np.unique(draw.abs().float().numpy(), return_index=True)
    return draw[torch.from_numpy(np.sort(first)[:count])].reshape(shape)


def unstructured():
    """torch.nn.utils.prune.l1_unstructured, which leaves the choice among equals open."""
    for seed, dtype in enumerate(TYPES):
        for count, amount in [(201, 0.5), (203, 0.5), (200, 0.35), (97, 0.9), (64, 0.01), (5, 0.1)]:
            module = torch.nn.Module()
            weights = without_ties((count,), dtype, seed)
            module.weight = torch.nn.Parameter(weights.clone())
            prune.l1_unstructured(module, "weight", amount)
            yield case(f"rows 1 1 {count} {amount}", dtype, bits_of(weights), module.weight_mask)


def n_of_m():
    """torch.ao.pruning.WeightNormSparsifier, along the last axis and along the first."""
    for seed, dtype in enumerate(TYPES):
        for n, m in [(2, 4), (1, 4), (3, 4), (4, 8)]:
            for block, shape, inner in [((1, m), (8, 3 * m), 1), ((m, 1), (2 * m, 11), 11)]:
                weights = without_ties(shape, dtype, 100 + seed)
                model = torch.nn.Sequential(torch.nn.Linear(shape[1], shape[0], bias=False))
                model[0].weight.data = weights.float()
                sparsifier = WeightNormSparsifier(1.0, block, m - n, norm=1)
                sparsifier.prepare(model, [{"tensor_fqn": "0.weight"}])
                sparsifier.step()
                mask = model[0].parametrizations.weight[0].mask
                assert mask.sum() * m == mask.numel() * n
                yield case(f"nofm {n} {m} {inner}", dtype, bits_of(weights), mask)


def ties():
    """numpy's lexicographic sort by key, then by position from the last to the first."""
    generator = np.random.default_rng(7)
    for dtype in TYPES:
        sign, infinity = (1 << 31, 0x7F800000) if dtype == "F32" else (1 << 15, 0x7C00)
        infinity = 0x7F80 if dtype == "BF16" else infinity
        keys = np.array([0, 1, infinity // 3, infinity // 3 + 1, infinity - 1, infinity])
        for outer, rows, inner, amount in [
            (1, 1, 101, 0.5), (1, 4, 33, 0.7), (3, 5, 7, 0.3), (21, 3, 1, 0.5), (1, 1, 64, 1 / 3),
        ]:
            key = keys[generator.integers(len(keys), size=(outer, rows, inner))]
            bits = key | sign * generator.integers(2, size=key.shape)
            mask = np.ones((rows, outer * inner), dtype=int)
            for row, members in enumerate(key.transpose(1, 0, 2).reshape(rows, -1)):
                order = np.lexsort((-np.arange(len(members)), members))
                mask[row, order[: round(amount * len(members))]] = 0
            mask = mask.reshape(rows, outer, inner).transpose(1, 0, 2)
            yield case(f"rows {outer} {rows} {inner} {amount!r}", dtype, bits, mask)


def rounding():
    shares = [0.0, 1.0, 0.5, 0.1, 0.25, 0.35, 0.7, 0.9, 1 / 3, 1e-9, 5e-324, 0.29, 0.57, 0.145]
    shares += [np.nextafter(0.5, 0).item(), np.nextafter(0.5, 1).item(), 1 - 2**-53]
    counts = [0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 15, 25, 33, 45, 50, 100, 150, 199, 201, 1001, 65535]
    counts += [10**6 + 5, 2**31 - 1, 2**31 + 1, 10**9 + 5, 10**12 + 1, 2**52 + 1, 2**53 - 1, 2**53]
    for share in shares:
        for count in counts:
            yield [repr(share), count, prune._compute_nparams_toprune(share, count)]


PHILOX = """
#include <ATen/core/PhiloxRNGEngine.h>
#include <cstdio>
int main() {
  unsigned long long seed, tensor, index;
  while (std::scanf("%llu %llu %llu", &seed, &tensor, &index) == 3) {
    at::Philox4_32 engine(seed, tensor, index / 4);
    for (unsigned i = 0; i < index % 4; i++) engine();
    std::printf("%08x\\n", engine());
  }
}
"""


def philox():
    """at::Philox4_32 of torch; the tensor's id by hashlib."""
    names = ["weight", "model.layers.0.mlp.up_proj.weight", "b\u00fccher/\U0001f333 w", ""]
    seeds = [0, 1, -1, 42, -(2**63), 2**63 - 1, 0x0123456789ABCDEF]
    indices = [0, 1, 2, 3, 4, 7, 1023, 2**32 - 1, 2**34 - 1, 2**34, 2**40 + 6, 2**63 - 1]
    rows = [(n, s, i) for n in names for s in seeds for i in indices]
    tensors = {n: int.from_bytes(hashlib.sha256(n.encode()).digest()[:8], "little") for n in names}
    questions = "\n".join(f"{s % 2**64} {tensors[n]} {i}" for n, s, i in rows)
    with tempfile.TemporaryDirectory() as folder:
        program = pathlib.Path(folder, "philox")
        include = pathlib.Path(torch.__file__).parent / "include"
        compiler = ["g++", "-std=c++20", "-I", include, "-x", "c++", "-", "-o", program]
        subprocess.run(compiler, input=PHILOX, text=True, check=True)
        answers = subprocess.run(program, input=questions, text=True, check=True, capture_output=True)
    for row, word in zip(rows, answers.stdout.split(), strict=True):
        yield [*row, word]


def half():
    """The SHA-256 of numpy's binary32 bits, little-endian, of the halves from +0 to infinity."""
    halves = np.arange(0x7C01, dtype=np.uint16).view(np.float16)
    yield [hashlib.sha256(halves.astype("<f4").tobytes()).hexdigest()]


def write(name, comment, *sources):
    rows = [row for source in sources for row in source]
    lines = [f"# {comment}"] + ["\t".join(map(str, row)) for row in rows]
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{name}: {len(rows)} rows")


write("masks.txt", "operation, type, bits, mask (1: kept)", unstructured(), n_of_m(), ties())
write("rounding.txt", "share, elements, how many go", rounding())
write("philox.txt", "tensor's name, seed, index, word", philox())
write("half.txt", half.__doc__, half())
