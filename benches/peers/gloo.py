"""gloo's side of collectives.py: one rank, through torch.distributed.

It does what collectives.c does, as well as Python can: the same sizes, batches and rewritten buffers, and the end on
the slowest rank counts. But a start that all agree on is told through gloo, and a call costs what it costs in Python.
"""

import json
import os
import statistics
import sys
import time

WARM_UP, BATCH, BATCH_BYTES, LEAD_NS = 3, 64, 256 << 10, 2_000_000


def main(rank, ranks, store):
    import torch
    import torch.distributed as dist

    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=ranks)
    if rank == 0:
        cpus = sorted(os.sched_getaffinity(0))
        print(json.dumps(dict(library=f"PyTorch {torch.__version__} with gloo", cpus=cpus)), flush=True)
    for line in sys.stdin:
        op, size, seconds, at_least, at_most = line.split()
        try:
            found = answer(torch, dist, op, int(size), float(seconds), int(at_least), int(at_most))
        except (RuntimeError, ValueError, NotImplementedError) as error:  # what this build lacks, on all ranks
            found = dict(op=op, error=str(error).splitlines()[0])
        if rank == 0:
            print(json.dumps(found), flush=True)
    dist.destroy_process_group()


def answer(torch, dist, op, size, seconds, at_least, at_most):
    rank, ranks = dist.get_rank(), dist.get_world_size()
    blocks = 1 if op in ("all_reduce", "broadcast") else ranks
    n = 0 if op == "barrier" else max(1, size // 4 // blocks)
    whole = n * blocks
    batch = BATCH if op == "barrier" else min(BATCH, max(1, BATCH_BYTES // (4 * whole)))
    in_place = op in ("all_reduce", "broadcast")
    inputs = [torch.zeros(0 if in_place else n if op == "all_gather" else whole) for _ in range(batch)]
    outputs = [torch.zeros(n if op == "reduce_scatter" else whole) for _ in range(batch)]
    calls = {
        "all_reduce": lambda _, y: dist.all_reduce(y),
        "reduce_scatter": lambda x, y: dist.reduce_scatter_tensor(y, x),
        "all_gather": lambda x, y: dist.all_gather_into_tensor(y, x),
        "all_to_all": lambda x, y: dist.all_to_all_single(y, x),
        "broadcast": lambda _, y: dist.broadcast(y, 0),
        "barrier": lambda *_: dist.barrier(),
    }
    call = calls[op]

    def value(of, first, length):
        """What rank `of` puts in: small integers."""
        return ((torch.arange(first, first + length) * 7 + 37 * of) % 61).to(torch.float32)

    def expected():
        everybody = range(ranks)
        if op == "all_reduce":
            return sum(value(of, 0, n) for of in everybody)
        if op == "reduce_scatter":
            return sum(value(of, rank * n, n) for of in everybody)
        if op == "all_gather":
            return torch.cat([value(of, 0, n) for of in everybody])
        if op == "all_to_all":
            return torch.cat([value(of, rank * n, n) for of in everybody])
        return value(0, 0, n)

    (outputs if in_place else inputs)[0].copy_(value(rank, 0, len((outputs if in_place else inputs)[0])))
    call(inputs[0], outputs[0])
    wrong = torch.tensor([0 if op == "barrier" else int((outputs[0] != expected()).sum())])
    dist.all_reduce(wrong)

    times, start, lap = [], torch.zeros(1, dtype=torch.int64), 0
    oversubscribed = ranks > len(os.sched_getaffinity(0))
    while True:
        for buffer in (*outputs, *inputs):
            buffer.fill_(1)
        dist.barrier()
        if rank == 0:
            if lap == WARM_UP:
                began = time.perf_counter()
            counted = lap - WARM_UP
            in_time = counted < 0 or time.perf_counter() - began < seconds
            goes_on = counted < at_least or (counted < at_most and in_time)
            start[0] = time.monotonic_ns() + LEAD_NS if goes_on else 0
        dist.broadcast(start, 0)
        at = int(start)
        if at == 0:
            break
        while time.monotonic_ns() < at:
            if oversubscribed:
                os.sched_yield()
        for x, y in zip(inputs, outputs):
            call(x, y)
        times.append(time.monotonic_ns() - at)
        dist.barrier()  # who is done doesn't rewrite its buffers while others still need the memory's bandwidth
        lap += 1
    slowest = torch.tensor(times[WARM_UP:], dtype=torch.int64)
    dist.all_reduce(slowest, dist.ReduceOp.MAX)
    micros = [ns / 1e3 / batch for ns in slowest.tolist()]
    time_us = dict(min=min(micros), median=statistics.median(micros), max=max(micros))
    return dict(
        op=op, ranks=ranks, bytes=4 * whole, iterations=len(micros), batch=batch, time_us=time_us, wrong=int(wrong)
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
