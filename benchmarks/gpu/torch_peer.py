"""Measures PyTorch doing what a global 50 % prune does, on the first CUDA device, and prints a row a case for
the bundle's report: TABLE, then NAME=VALUE, with tabs between.

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


def main(small):
    try:
        import torch
    except ImportError:
        sys.exit("skipped: this Python has no torch")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu" and not small:
        sys.exit("skipped: torch sees no CUDA device")
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
