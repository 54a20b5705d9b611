"""Prunes a safetensors file with PyTorch: what Coppice's command is measured against.

usage: bench_torch.py INPUT OUTPUT
"""

import sys
import time

import torch
from safetensors.torch import load_file, save_file
from torch.nn.utils import prune


class Holder(torch.nn.Module):
    """A module with one parameter, which is what torch.nn.utils.prune wants."""

    def __init__(self, weight):
        super().__init__()
        self.weight = torch.nn.Parameter(weight, requires_grad=False)


def main(source, target):
    begin = time.perf_counter()
    tensors = load_file(source)
    loaded = time.perf_counter()
    holders = {name: Holder(weight) for name, weight in tensors.items()}
    parameters = [(holder, "weight") for holder in holders.values()]
    prune.global_unstructured(parameters, pruning_method=prune.L1Unstructured, amount=0.5)
    pruned = time.perf_counter()
    save_file({name: holder.weight.detach() for name, holder in holders.items()}, target)
    saved = time.perf_counter()
    print(f"torch={torch.__version__}")
    print(f"load={loaded - begin}")
    print(f"prune={pruned - loaded}")
    print(f"save={saved - pruned}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
