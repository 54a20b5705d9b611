"""Measures PyTorch doing what a global 50 % prune does, and dense linear layers (cuBLAS), on the first CUDA device,
and prints a row a case for the bundle's report: TABLE, then NAME=VALUE, with tabs between.

usage: torch_peer.py [small]    tiny sizes, on the CPU where there is no CUDA: the figures mean nothing
"""

import statistics
import sys
import time

SAMPLES = 10
LEAST_SECONDS = 0.5
MOST_SECONDS = 8


def topk(torch, weights, k):
    """Zeroes what is below the smallest of the largest: what ties with that stays."""
    magnitudes = weights.abs()
    threshold = torch.topk(magnitudes, weights.numel() - k, sorted=False).values.min()
    return torch.where(magnitudes >= threshold, weights, 0)


def kthvalue(torch, weights, k):
    """Zeroes what is not above the k-th smallest magnitude: ties go with it."""
    magnitudes = weights.abs()
    return torch.where(magnitudes > torch.kthvalue(magnitudes, k).values, weights, 0)


def timed(torch, device, flushed, work):
    """Gives the seconds of one call, with the second-level cache written over before."""
    if device == "cpu":
        begin = time.perf_counter()
        work()
        return time.perf_counter() - begin
    flushed.fill_(1)
    begin = torch.cuda.Event(enable_timing=True)
    end = torch.cuda.Event(enable_timing=True)
    begin.record()
    work()
    end.record()
    end.synchronize()
    return begin.elapsed_time(end) * 1e-3


def measure(torch, device, operation, dtype, count):
    weights = torch.empty(count, dtype=dtype, device=device)
    for piece in weights.split(1 << 26):
        piece.copy_(torch.randn(piece.numel(), device=device) * 0.02)
    flushed = torch.empty(256 << 20 if device == "cuda" else 1, dtype=torch.uint8, device=device)
    work = lambda: operation(torch, weights, count // 2)
    timed(torch, device, flushed, work)
    seconds = []
    begin = time.perf_counter()
    while len(seconds) < SAMPLES or sum(seconds) < LEAST_SECONDS:
        if time.perf_counter() - begin > MOST_SECONDS and seconds:
            break
        seconds.append(timed(torch, device, flushed, work))
    seconds.sort()
    row = {
        "operation": operation.__name__,
        "dtype": {torch.bfloat16: "BF16", torch.float32: "F32"}[dtype],
        "weights": count,
        "input": "GAUSSIAN",
        "cache": "cold",
        "samples": len(seconds),
        "median_ms": statistics.median(seconds) * 1e3,
        "low_ms": seconds[len(seconds) // 10] * 1e3,
        "high_ms": seconds[len(seconds) - 1 - len(seconds) // 10] * 1e3,
        "torch": torch.__version__,
    }
    print("torch\t" + "\t".join(f"{name}={value}" for name, value in row.items()), flush=True)


def linear(torch, device, out, inputs, batch):
    """A layer's product, over several copies of its weights in turn: 256 MB, four times the second-level cache."""
    copies = 2 if device == "cpu" else max(2, (256 << 20) // (2 * out * inputs) + 1)
    weights = [torch.randn(out, inputs, device=device).mul_(0.02).to(torch.bfloat16) for _ in range(copies)]
    x = torch.randn(batch, inputs, device=device).to(torch.bfloat16)
    flushed = torch.empty(1, dtype=torch.uint8, device=device)
    work = lambda: [torch.nn.functional.linear(x, w) for w in weights]
    if device == "cuda":  # One call a graph: launches from Python would be what is measured.
        work()
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            work()
        work = graph.replay
    for _ in range(3):
        timed(torch, device, flushed, work)
    seconds = sorted(timed(torch, device, flushed, work) / copies for _ in range(30))
    row = {
        "shape": f"{out}x{inputs}",
        "dtype": "BF16",
        "batch": batch,
        "samples": len(seconds),
        "median_ms": statistics.median(seconds) * 1e3,
        "low_ms": seconds[3] * 1e3,
        "high_ms": seconds[26] * 1e3,
        "torch": torch.__version__,
    }
    print("torch_linear\t" + "\t".join(f"{name}={value}" for name, value in row.items()), flush=True)


def layers(torch, device, small):
    for out, inputs in ((4096, 4096), (14336, 4096), (4096, 14336)):
        for batch in (1, 8, 16, 64, 512, 4096):
            if small:
                linear(torch, device, out // 128, inputs // 128, min(batch, 70))
            else:
                linear(torch, device, out, inputs, batch)


def main(small):
    try:
        import torch
    except ImportError:
        sys.exit("skipped: this Python has no torch")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu" and not small:
        sys.exit("skipped: torch sees no CUDA device")
    layers(torch, device, small)
    for dtype in (torch.bfloat16, torch.float32):
        for operation in (topk, kthvalue):
            for count in (100_000,) if small else (1_000_000_000, 4 << 20):
                try:
                    measure(torch, device, operation, dtype, count)
                except RuntimeError as e:
                    # Out of memory, or a size that the operation does not take.
                    print(f"{operation.__name__} of {count} {dtype}: {str(e).splitlines()[0]}", file=sys.stderr)
                    if device == "cuda":
                        torch.cuda.empty_cache()


if __name__ == "__main__":
    main(len(sys.argv) > 1 and sys.argv[1] == "small")
