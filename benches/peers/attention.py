"""gears against PyTorch: softmax, attention and multi-head attention on this machine's processor.

    cargo build --release
    python benches/peers/attention.py                      # everything: about half an hour
    python benches/peers/attention.py --only softmax --threads 1
    python benches/peers/attention.py --list

The two take turns, on as many threads: gears, PyTorch, gears, PyTorch ... Within a turn a call is repeated, and the
turn's time is the median. What is compared is a turn with the next one, so that a machine that changes its pace, or has
neighbours, does it to both. Printed are the medians over the turns and, of the turns' ratios, median and range; above 1
gears is faster. It prints a table in Markdown.
"""

import argparse
import datetime
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

# B, H, T, D.
ATTENTION = [(1, 8, 512, 64), (1, 8, 2048, 64), (1, 8, 4096, 64), (1, 16, 1024, 128), (4, 12, 1024, 64)]
# Rows, columns.
SOFTMAX = [(4096, 4096), (16384, 64), (1, 131072), (32, 128)]
# B, T, dimension, heads.
LAYERS = [(1, 1024, 512, 8)]

# A pause between turns: threads of a pool that has just been used may spin for a while.
PAUSE = 0.3


def points():
    """What is compared: a title, the arguments of `gears bench`, and what PyTorch is to do."""
    for training in (False, True):
        suffix, what = ("_training", "forward + backward") if training else ("", "forward")
        for b, h, t, d in ATTENTION:
            for causal in (False, True):
                yield (
                    f"attention {b},{h},{t},{d} {what}{', causal' if causal else ''}",
                    [f"attention{suffix}", "--batch", b, "--heads", h, "--sequence", t, "--head-dim", d]
                    + ["--causal"] * causal,
                    dict(what="attention", shape=(b, h, t, d), causal=causal, training=training),
                )
    for rows, columns in SOFTMAX:
        yield (
            f"softmax {rows},{columns}",
            ["softmax", "--rows", rows, "--columns", columns],
            dict(what="softmax", shape=(rows, columns)),
        )
    for training in (False, True):
        suffix, what = ("_training", "forward + backward") if training else ("", "forward")
        for b, t, dim, heads in LAYERS:
            yield (
                f"multi-head attention {b},{t},{dim}, {heads} heads, {what}",
                [f"mha{suffix}", "--batch", b, "--sequence", t, "--dim", dim, "--heads", heads],
                dict(what="layer", shape=(b, t, dim), heads=heads, training=training),
            )


class Gears:
    """A process for each turn."""

    def __init__(self, program, threads):
        self.program, self.threads = program, threads

    def turn(self, arguments, _):
        command = [self.program, "bench", *map(str, arguments), "--threads", str(self.threads), "--json"]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        (line,) = output.splitlines()
        return json.loads(line)["time_us"]["median"] / 1e3


class Torch:
    """One process for all turns, since it takes seconds to start. It gets a line of JSON and answers with one."""

    def __init__(self, threads):
        environment = dict(os.environ, OMP_NUM_THREADS=str(threads), MKL_NUM_THREADS=str(threads))
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--serve", str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def turn(self, _, request):
        print(json.dumps(request), file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit("PyTorch's process has ended: see above")
        return json.loads(answer)

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def serve(threads):
    """The other end of `Torch`."""
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    calls = {"attention": attention_call, "softmax": softmax_call, "layer": layer_call}
    for line in sys.stdin:
        request = json.loads(line)
        call = calls[request.pop("what")](torch, **request)
        with torch.set_grad_enabled(request.get("training", False)):
            print(json.dumps(median_milliseconds(call)), flush=True)


def attention_call(torch, shape, causal, training):
    query, key, value = (torch.randn(shape, requires_grad=training) for _ in range(3))
    gradient = torch.randn(shape)

    def forward():
        return torch.nn.functional.scaled_dot_product_attention(query, key, value, is_causal=causal)

    def forward_and_backward():
        query.grad = key.grad = value.grad = None
        forward().backward(gradient)

    return forward_and_backward if training else forward


def softmax_call(torch, shape):
    x = torch.randn(shape)
    out = torch.empty_like(x)
    return lambda: torch.softmax(x, -1, out=out)


def layer_call(torch, shape, heads, training):
    layer = torch.nn.MultiheadAttention(shape[2], heads, batch_first=True).train(training)
    x = torch.randn(shape, requires_grad=training)
    gradient = torch.randn(shape)

    def forward():
        return layer(x, x, x, need_weights=False)[0]

    def forward_and_backward():
        layer.zero_grad()
        x.grad = None
        forward().backward(gradient)

    return forward_and_backward if training else forward


def median_milliseconds(call, budget=0.2, at_least=5):
    """As `gears bench` does it; calls that are short are timed several at once, for the clock's sake."""
    call()
    start = time.perf_counter()
    call()
    at_once = max(1, int(50e-6 / (time.perf_counter() - start)))
    times = []
    began = time.perf_counter()
    while len(times) < at_least or time.perf_counter() - began < budget:
        start = time.perf_counter()
        for _ in range(at_once):
            call()
        times.append((time.perf_counter() - start) / at_once)
    return 1e3 * statistics.median(times)


def compare(gears, torch, arguments, request, turns):
    """The median time of each, and the ratios of the turns."""
    ours, theirs = [], []
    for _ in range(turns):
        for side, times in ((gears, ours), (torch, theirs)):
            time.sleep(PAUSE)
            times.append(side.turn(arguments, request))
    ratios = [b / a for a, b in zip(ours, theirs)]
    return statistics.median(ours), statistics.median(theirs), ratios


def machine():
    """The processor, as it calls itself."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        name = "an unknown processor"
    return f"{os.cpu_count()} cores of {name}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(__file__).resolve().parents[2] / "target/release/gears"
    parser.add_argument("--gears", default=default, help="the program, if it isn't in target/release")
    parser.add_argument("--turns", type=int, default=7, help="turns of each [7]")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="thread counts [1 2]")
    parser.add_argument("--only", default="", help="only what has this text in its name")
    parser.add_argument("--list", action="store_true", help="only print the names")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve is not None:
        return serve(options.serve)
    asked = [point for point in points() if options.only in point[0]]
    if not asked:
        parser.error(f"nothing has {options.only!r} in its name: see --list")
    if options.list:
        return print("\n".join(title for title, *_ in asked))

    import torch

    print(f"gears against PyTorch {torch.__version__}, f32, on {machine()}, {datetime.date.today()};")
    print(f"{options.turns} turns of each, alternately. ratio: PyTorch's time over that of gears, turn by turn.\n")
    print("| | threads | gears | PyTorch | ratio | from | to |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    for threads in options.threads:
        gears, peer = Gears(options.gears, threads), Torch(threads)
        for title, arguments, request in asked:
            ours, theirs, ratios = compare(gears, peer, arguments, request, options.turns)
            cells = [title, threads, f"{ours:.4g} ms", f"{theirs:.4g} ms", f"{statistics.median(ratios):.2f}"]
            cells += [f"{min(ratios):.2f}", f"{max(ratios):.2f}"]
            print("|", " | ".join(map(str, cells)), "|", flush=True)
        peer.end()


if __name__ == "__main__":
    main()
