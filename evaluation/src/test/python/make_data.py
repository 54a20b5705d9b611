"""Makes the arrays and scaled images of evaluation's tests with numpy and PyTorch.

plain.npz and packed.npz hold the same arrays of 5 samples, wide.npz too, with the sizes and places of
zip64; versions.npz has one array in each version of the NPY format. scaled.txt has, on each line, sizes and pixels
of a grey image before and after PyTorch's antialiased bilinear interpolation.

    python make_data.py ../resources/dev/coppice/evaluation/data
"""

import io
import pathlib
import sys
import zipfile

import numpy as np
import torch

folder = pathlib.Path(sys.argv[1])
whole = np.arange(10).reshape(5, 2)
arrays = {
    "f8": whole / 4,
    "f4": (whole / 4).astype(np.float32),
    "f2": (whole / 4).astype(np.float16),
    "i8": whole - 5,
    "i4": (whole - 5).astype(np.int32),
    "i2": (whole - 5).astype(np.int16),
    "i1": (whole - 5).astype(np.int8),
    "u2": whole.astype(np.uint16),
    "u1": whole.astype(np.uint8),
    "b1": whole % 3 == 0,
    "fortran": np.asfortranarray(whole),
    "big": whole.astype(">f4"),
    "complex": whole.astype(np.complex64),
    "scalar": np.float32(1),
    "labels": np.array([4, 0, 3, 1, 2]),
}
np.savez(folder / "plain.npz", **arrays)
np.savez_compressed(folder / "packed.npz", **arrays)

limit, zipfile.ZIP64_LIMIT = zipfile.ZIP64_LIMIT, 100
np.savez(folder / "wide.npz", **arrays)
zipfile.ZIP64_LIMIT = limit

with zipfile.ZipFile(folder / "versions.npz", "w") as out:
    for version in [(1, 0), (2, 0), (3, 0)]:
        data = io.BytesIO()
        np.lib.format.write_array(data, arrays["f4"], version=version)
        out.writestr(zipfile.ZipInfo(f"v{version[0]}.npy"), data.getvalue())

torch.manual_seed(0)
with open(folder / "scaled.txt", "w") as out:
    for source, target in [((7, 7), (3, 3)), ((5, 9), (5, 5)), ((4, 4), (9, 9)), ((12, 6), (4, 2))]:
        image = torch.randint(0, 256, source, dtype=torch.uint8)
        # The middle that has the target's shape; cut off only where nothing is scaled.
        scale = min(source[0] / target[0], source[1] / target[1])
        rows, columns = round(target[0] * scale), round(target[1] * scale)
        top, left = (source[0] - rows) // 2, (source[1] - columns) // 2
        assert scale == 1 or top == left == 0
        assert top * 2 + rows == source[0] and left * 2 + columns == source[1]
        middle = image[top : top + rows, left : left + columns].double()[None, None]
        scaled = torch.nn.functional.interpolate(
            middle, size=target, mode="bilinear", antialias=True, align_corners=False
        )
        numbers = [*source, *target, *image.flatten().tolist(), *scaled.flatten().tolist()]
        print(*numbers, file=out)
