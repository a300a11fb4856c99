"""Matrix products of the cpu engine beside NumPy's OpenBLAS, in GFLOP/s: sizes of an MLP, of a small GPT, and squares.

    python bench/matmul.py [mlp] [gpt] [square] [few] [--threads 2] [--types f32 bf16 mixed] [--processor-time]
                           [--torch-python PATH] [--json FILE]

Whole blocks of calls run in turn, so that neither side's waiting threads take the other's core; a number is the best of
the blocks' medians. On a busy machine `--processor-time` with one thread counts only the time that the thread had.
`mixed` is what `sw.compile(precision="bf16")` has: activations of bf16, weights of f32 that are rounded while they are
packed, results of f32. NumPy has no fast bf16; with `--torch-python` the peer is PyTorch, afterwards and in a process
of its own, whose operands and results are all bf16. What it is not: a test.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

FORMS = {"A B": (False, False), "A Bᵀ": (False, True), "Aᵀ B": (True, False)}


def problems(groups: list[str]) -> list[tuple[str, int, int, int, str]]:
    """Give (group, m, k, n, form) of everything to measure."""
    rows: list[tuple[str, int, int, int, str]] = []
    for group, tokens, layers in (
        ("mlp", 64, [(784, 512), (512, 256), (256, 10)]),
        ("gpt", 2048, [(384, 1152), (384, 384), (384, 1536), (1536, 384), (384, 65)]),
    ):
        for inputs, outputs in layers if group in groups else []:
            # A layer's output, the gradient of its input, the gradient of its weight, which has a row for each output.
            rows.append((group, tokens, inputs, outputs, "A Bᵀ"))
            rows.append((group, tokens, outputs, inputs, "A B"))
            rows.append((group, outputs, tokens, inputs, "Aᵀ B"))
    if "square" in groups:
        rows += [("square", size, size, size, "A B") for size in (32, 64, 128, 256, 512, 1024, 2048)]
    if "few" in groups:
        for form in ("A B", "A Bᵀ"):
            rows += [("few", m, 384, 1536, form) for m in (1, 2, 4, 8)] + [("few", 1, 4096, 4096, form)]
        rows += [("few", 1536, 384, 1, "A B"), ("few", 2048, 1, 384, "A B")]
    return rows


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("groups", nargs="*", default=["mlp", "gpt", "square", "few"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--types", nargs="*", default=["f32"])
    parser.add_argument("--blocks", type=int, default=10)
    parser.add_argument("--processor-time", action="store_true")
    parser.add_argument("--torch-python", type=Path)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.processor_time:
        options.threads = 1
    # OpenBLAS reads it when NumPy is imported.
    os.environ["OPENBLAS_NUM_THREADS"] = str(options.threads)
    results: list[dict[str, Any]] = []
    print(f"{'':6} {'m':>5} {'k':>5} {'n':>5} {'form':5} {'type':5} {'ours':>7} {'median':>7} {'peer':>7} {'ratio':>6}")
    for kind in options.types:
        for group, m, k, n, form in problems(options.groups):
            row = measure(m, k, n, form, kind, options.threads, options.blocks, options.processor_time)
            if options.torch_python and kind in ("bf16", "mixed"):
                row["peer"] = _in_torch(options.torch_python, m, k, n, form, options.threads)
            results.append(dict(group=group, m=m, k=k, n=n, form=form, type=kind, **row))
            peer = f"{row['peer']:7.1f} {row['ours'] / row['peer']:6.2f}" if "peer" in row else ""
            print(f"{group:6} {m:5} {k:5} {n:5} {form:5} {kind:5} {row['ours']:7.1f} {row['median']:7.1f} {peer}")
            sys.stdout.flush()
    for group in options.groups:
        ratios = [row["ours"] / row["peer"] for row in results if row["group"] == group and "peer" in row]
        if ratios:
            print(f"{group}: geometric mean {math.exp(statistics.fmean(map(math.log, ratios))):.2f}")
    if options.json:
        options.json.write_text(json.dumps({"threads": options.threads, "results": results}, indent=1))


def measure(
    m: int, k: int, n: int, form: str, kind: str, threads: int, blocks: int, processor_time: bool
) -> dict[str, float]:
    """Give GFLOP/s of both sides."""
    import ml_dtypes
    import numpy as np

    from shapewright.devices.cpu import machine
    from shapewright.devices.cpu.ir import BF16, F16, F32, F64, Module
    from shapewright.devices.cpu.matmul import Operand, Problem, make_plan, write_matmul
    from shapewright.devices.cpu.threads import Pool

    element, dtype = {
        "f32": (F32, np.dtype("f4")),
        "f64": (F64, np.dtype("f8")),
        "f16": (F16, np.dtype("f2")),
        "bf16": (BF16, np.dtype(ml_dtypes.bfloat16)),
        "mixed": (BF16, np.dtype(ml_dtypes.bfloat16)),
    }[kind]
    turned_a, turned_b = FORMS[form]
    rng = np.random.default_rng(0)
    # A weight is the right operand of a layer and of its input's gradient; the weight's gradient has none.
    is_mixed = kind == "mixed"
    of_b = (F32, np.dtype("f4")) if is_mixed and not turned_a else (element, dtype)
    of_c = (F32, np.dtype("f4")) if is_mixed else (element, dtype)
    a = _aligned((k, m) if turned_a else (m, k), dtype)
    b = _aligned((n, k) if turned_b else (k, n), of_b[1])
    c = _aligned((m, n), of_c[1])
    a[...], b[...] = rng.standard_normal(a.shape), rng.standard_normal(b.shape)
    left = Operand(element, 1, m) if turned_a else Operand(element, k, 1)
    right = Operand(of_b[0], 1, k) if turned_b else Operand(of_b[0], n, 1)
    compute = F64 if kind == "f64" else F32
    problem = Problem(m, n, k, left, right, Operand(of_c[0], n, 1), compute=compute, rounded=is_mixed)
    plan = make_plan(problem, machine.select_target(), threads)
    module = Module()
    write_matmul(module, "product", plan)
    code = machine.compile_module(module.text())
    scratch = _aligned((plan.scratch_bytes + 64,), np.dtype("u1"))
    table = np.array([x.__array_interface__["data"][0] for x in (a, b, c, scratch)], np.uint64)
    pointer, function = table.ctypes.data, code.address("product")
    pool = Pool(threads)

    first, second = a.T if turned_a else a, b.T if turned_b else b
    sides: dict[str, Callable[[], object]] = {"ours": lambda: pool.run(function, pointer)}
    if kind in ("f32", "f64"):
        result = np.empty_like(c)
        sides["peer"] = lambda: np.matmul(first, second, out=result)
    clock = time.thread_time if processor_time else time.perf_counter
    calls = max(3, min(1000, int(5e8 / max(1, problem.flops))))
    medians: dict[str, list[float]] = {side: [] for side in sides}
    for _ in range(blocks):
        for side, call in sides.items():
            seconds = []
            for _ in range(calls):
                start = clock()
                call()
                seconds.append(clock() - start)
            medians[side].append(statistics.median(seconds))
    pool.stop()
    flops = problem.flops / 1e9
    row = {side: flops / min(values) for side, values in medians.items()}
    row["median"] = flops / statistics.median(medians["ours"])
    return row


_TORCH = """
import statistics, sys, time
import torch
m, k, n, turned_a, turned_b, threads = map(int, sys.argv[1:])
torch.set_num_threads(threads)
a = torch.randn((k, m) if turned_a else (m, k)).bfloat16()
b = torch.randn((n, k) if turned_b else (k, n)).bfloat16()
a, b = a.T if turned_a else a, b.T if turned_b else b
seconds = []
for _ in range(max(10, min(1000, int(1e10 / (2 * m * k * n))))):
    start = time.perf_counter()
    a @ b
    seconds.append(time.perf_counter() - start)
print(2e-9 * m * k * n / statistics.median(seconds))
"""


def _in_torch(python: Path, m: int, k: int, n: int, form: str, threads: int) -> float:
    """Give GFLOP/s of PyTorch with bf16 operands and results."""
    command = [python, "-c", _TORCH, *map(str, (m, k, n, *map(int, FORMS[form]), threads))]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _aligned(shape: tuple[int, ...], dtype: Any) -> Any:
    """Give an array of zeros on large pages where there are some, as the engine's memory is."""
    import numpy as np

    large = 2 << 20
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.zeros(size + large, np.uint8)
    start = -memory.ctypes.data % large
    if sys.platform == "linux":
        ctypes.CDLL(None).madvise(ctypes.c_void_p(memory.ctypes.data + start), ctypes.c_size_t(size), 14)
    return memory[start : start + size].view(dtype).reshape(shape)


if __name__ == "__main__":
    main()
