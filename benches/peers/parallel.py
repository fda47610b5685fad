"""gears against PyTorch: attention to a sequence that is cut among ranks, by all-to-all (Ulysses).

    cargo build --release
    python benches/peers/parallel.py                       # everything: about ten minutes
    python benches/peers/parallel.py --only causal
    python benches/peers/parallel.py --list

Two ranks with one thread each on both sides. In gears they are threads of one process: `gears bench ulysses`. In
PyTorch they are processes that communicate by gloo: one all-to-all of queries, keys and values from tokens to heads,
PyTorch's own scaled_dot_product_attention, and an all-to-all back; for the backward pass the same the other way round.
Before anything is timed that is compared with the attention of one process. Its time is, as in gears, from a common
start to the end on the slower rank. The two take turns, as in attention.py, which this uses. Above 1 gears is faster.
"""

import argparse
import datetime
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True  # nothing is left beside the scripts

import attention as peers

RANKS = 2

# B, H, T, D.
SHAPES = [(1, 8, 1024, 64), (1, 8, 4096, 64)]


def points():
    """What is compared: a title, the arguments of `gears bench`, and what PyTorch is to do."""
    for training in (False, True):
        suffix, what = ("_training", "forward + backward") if training else ("", "forward")
        for b, h, t, d in SHAPES:
            for causal in (False, True):
                yield (
                    f"ulysses {b},{h},{t},{d} {what}{', causal' if causal else ''}",
                    [f"ulysses{suffix}", "--ranks", RANKS]
                    + ["--batch", b, "--heads", h, "--sequence", t, "--head-dim", d]
                    + ["--causal"] * causal,
                    dict(shape=(b, h, t, d), causal=causal, training=training),
                )


class Gears:
    """A process for each turn."""

    def __init__(self, program):
        self.program = program

    def turn(self, arguments, _):
        command = [self.program, "bench", *map(str, arguments), "--json"]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        (line,) = output.splitlines()
        return json.loads(line)["time_us"]["median"] / 1e3


class Torch:
    """A process for each rank, for all turns. All get a line of JSON, and the first answers with one."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        # As gears bench does: glibc keeps what is freed, and calls needn't get their memory page by page.
        keep = dict(MALLOC_MMAP_THRESHOLD_=str(32 << 20), MALLOC_TRIM_THRESHOLD_=str(64 << 20))
        environment = dict(os.environ, OMP_NUM_THREADS="1", MKL_NUM_THREADS="1", GLOO_SOCKET_IFNAME="lo", **keep)
        store = str(Path(self.folder.name) / "store")
        self.processes = [
            subprocess.Popen(
                [sys.executable, __file__, "--serve", str(rank), store],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE if rank == 0 else subprocess.DEVNULL,
                text=True,
                env=environment,
            )
            for rank in range(RANKS)
        ]
        self.exchange = self.answer()

    def turn(self, _, request):
        for process in self.processes:
            print(json.dumps(request), file=process.stdin, flush=True)
        return self.answer()

    def answer(self):
        answer = self.processes[0].stdout.readline()
        if not answer:
            sys.exit("PyTorch's processes have ended: see above")
        return json.loads(answer)

    def end(self):
        for process in self.processes:
            process.stdin.close()
        for process in self.processes:
            process.wait()
        self.folder.cleanup()


def serve(rank, store):
    """The other end of `Torch`, on one rank."""
    import torch
    import torch.distributed as dist

    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=RANKS)
    name, all_to_all = exchange(torch, dist)
    if rank == 0:
        print(json.dumps(name), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        with torch.set_grad_enabled(request["training"]):
            call = ulysses_call(torch, dist, all_to_all, **request)
            milliseconds = median_milliseconds(torch, dist, call)
        if rank == 0:
            print(json.dumps(milliseconds), flush=True)
    dist.destroy_process_group()


def exchange(torch, dist):
    """What this build has: a function of (P, ...) that gives what each rank has for this one."""

    def by_one_call(x):
        out = torch.empty_like(x)
        dist.all_to_all_single(out, x)
        return out

    def by_messages(x):
        out = torch.empty_like(x)
        rank = dist.get_rank()
        out[rank] = x[rank]
        others = [other for other in range(RANKS) if other != rank]
        transfers = [dist.isend(x[other], other) for other in others]
        transfers += [dist.irecv(out[other], other) for other in others]
        for transfer in transfers:
            transfer.wait()
        return out

    try:
        by_one_call(torch.zeros(RANKS, 1))
        return "all_to_all_single", by_one_call
    except RuntimeError:
        return "isend and irecv", by_messages


def ulysses_call(torch, dist, all_to_all, shape, causal, training):
    b, h, t, d = shape
    rank, own_tokens, own_heads = dist.get_rank(), t // RANKS, h // RANKS

    class Exchange(torch.autograd.Function):
        """Its own adjoint."""

        @staticmethod
        def forward(_, x):
            return all_to_all(x.contiguous())

        @staticmethod
        def backward(_, gradient):
            return all_to_all(gradient.contiguous())

    def attend(query, key, value):
        return torch.nn.functional.scaled_dot_product_attention(query, key, value, is_causal=causal)

    def ulysses(query, key, value):
        x = torch.stack((query, key, value))  # (3, B, T/P, H, D)
        x = x.view(3, b, own_tokens, RANKS, own_heads, d).permute(3, 0, 1, 2, 4, 5)
        x = Exchange.apply(x)  # (P, 3, B, T/P, H/P, D)
        x = x.permute(1, 2, 4, 0, 3, 5).reshape(3, b, own_heads, t, d)
        y = attend(*x)  # (B, H/P, T, D)
        y = y.view(b, own_heads, RANKS, own_tokens, d).permute(2, 0, 3, 1, 4)
        y = Exchange.apply(y)  # (P, B, T/P, H/P, D)
        return y.permute(1, 2, 0, 3, 4).reshape(b, own_tokens, h, d)

    torch.manual_seed(0)  # the whole, the same on every rank: (B, T, H, D)
    whole = [torch.randn(b, t, h, d) for _ in range(4)]
    part = slice(rank * own_tokens, (rank + 1) * own_tokens)
    query, key, value = (x[:, part].clone().requires_grad_(training) for x in whole[:3])
    gradient = whole[3][:, part].clone()

    def forward():
        return ulysses(query, key, value)

    def forward_and_backward():
        query.grad = key.grad = value.grad = None
        forward().backward(gradient)

    def compare(ours, theirs):
        assert torch.allclose(ours, theirs, atol=1e-4), "not what one process computes"

    alone = [x.clone().requires_grad_(training) for x in whole[:3]]
    output = attend(*(x.transpose(1, 2) for x in alone)).transpose(1, 2)
    compare(forward().detach(), output.detach()[:, part])
    if training:
        output.backward(whole[3])
        forward_and_backward()
        for ours, theirs in zip((query, key, value), alone):
            compare(ours.grad, theirs.grad[:, part])
    return forward_and_backward if training else forward


def median_milliseconds(torch, dist, call, budget=0.5, at_least=5):
    """From a common start to the end on the slower rank. The first rank says how often."""
    call()
    dist.barrier()
    start = time.perf_counter()
    call()
    count = torch.tensor([max(at_least, int(budget / (time.perf_counter() - start)))])
    dist.broadcast(count, 0)
    times = torch.empty(int(count), dtype=torch.float64)
    for i in range(int(count)):
        dist.barrier()
        start = time.perf_counter()
        call()
        times[i] = time.perf_counter() - start
    dist.all_reduce(times, dist.ReduceOp.MAX)
    return 1e3 * statistics.median(times.tolist())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(__file__).resolve().parents[2] / "target/release/gears"
    parser.add_argument("--gears", default=default, help="the program, if it isn't in target/release")
    parser.add_argument("--turns", type=int, default=7, help="turns of each [7]")
    parser.add_argument("--only", default="", help="only what has this text in its name")
    parser.add_argument("--list", action="store_true", help="only print the names")
    parser.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve is not None:
        return serve(int(options.serve[0]), options.serve[1])
    asked = [point for point in points() if options.only in point[0]]
    if not asked:
        parser.error(f"nothing has {options.only!r} in its name: see --list")
    if options.list:
        return print("\n".join(title for title, *_ in asked))

    import torch

    gears, peer = Gears(options.gears), Torch()
    print(f"gears against PyTorch {torch.__version__} with gloo ({peer.exchange}), f32, {RANKS} ranks of one thread,")
    print(f"on {peers.machine()}, {datetime.date.today()}; {options.turns} turns of each, alternately.")
    print("ratio: PyTorch's time over that of gears, turn by turn.\n")
    print("| | gears | PyTorch | ratio | from | to |")
    print("|---|--:|--:|--:|--:|--:|")
    for title, arguments, request in asked:
        ours, theirs, ratios = peers.compare(gears, peer, arguments, request, options.turns)
        cells = [title, f"{ours:.4g} ms", f"{theirs:.4g} ms", f"{statistics.median(ratios):.2f}"]
        cells += [f"{min(ratios):.2f}", f"{max(ratios):.2f}"]
        print("|", " | ".join(cells), "|", flush=True)
    peer.end()


if __name__ == "__main__":
    main()
