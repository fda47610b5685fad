"""gears against NumPy's sort (Intel's x86-simd-sort) and Google's vqsort: random keys, on this machine.

    cargo build --release
    python3 benches/peers/sorting.py                       # everything: about twenty minutes
    python3 benches/peers/sorting.py --types f32 u32 --lg 10 16
    python3 benches/peers/sorting.py --list

They take turns: gears, NumPy, vqsort, gears ... In a turn each sorts for half a second, round by round: in every round
new keys, in as many arrays as it takes to have 2^16 of them, so that nobody's branches are known by heart. To draw and
to copy keys isn't timed. The turn's time is the median round's. Printed are the medians over the turns and, of the
turns' ratios, median and range; above 1 gears is faster. It prints a table in Markdown.

NumPy and vqsort sort on one thread; gears on one (simd) and on all cores (parallel), both in its turn, by turns.

What is needed is got where it is missing: NumPy from PyPI, into an environment in target/peers; Highway, which has
vqsort, by apt-get, if that exists and we are root. Without a compiler or without Highway vqsort is left out.
"""

import argparse
import ctypes.util
import datetime
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True  # nothing is left beside the scripts

import attention as peers

ROOT = Path(__file__).resolve().parents[2]

TYPES = {"u32": "uint32", "i32": "int32", "f32": "float32", "u64": "uint64", "i64": "int64", "f64": "float64"}

# lg n.
LENGTHS = [6, 8, 10, 12, 14, 16, 18, 20, 24]

# Keys of a round, at least; seconds of a turn; rounds that don't count, and rounds, at least and at most.
ROUND, BUDGET, WARM_UP, AT_LEAST, AT_MOST = 1 << 16, 0.5, 2, 7, 1000


class Gears:
    """A process for each turn: nanoseconds per key on one thread, and on all cores."""

    NAMES = ["simd", "parallel"]

    def __init__(self, program):
        self.program = program

    def turn(self, dtype, n):
        command = [self.program, "bench", "sort", "--type", dtype, "--n", str(n), "--json"]
        command += ["--algorithm", ",".join(self.NAMES)]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        found = {point["algorithm"]: point["ns_per_key"] for point in map(json.loads, output.splitlines())}
        return [found[name] for name in self.NAMES]


class Peer:
    """A process for all turns. It gets a line and answers with one: nanoseconds per key."""

    def __init__(self, name, command):
        self.name = name
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=dict(os.environ, OMP_NUM_THREADS="1"),
        )

    def turn(self, dtype, n):
        print(dtype, n, BUDGET, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline().strip()
        try:
            return float(answer)
        except ValueError:
            sys.exit(f"{self.name} on {n} keys of {dtype}: {answer or 'its process has ended: see above'}")

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def serve():
    """NumPy's end of `Peer`."""
    import numpy

    random = numpy.random.default_rng(0)

    def draw(dtype, n):
        """Any bits; of floats those of a finite number. A row for each array."""
        arrays = -(-ROUND // n)
        keys = random.integers(0, 256, arrays * n * dtype.itemsize, numpy.uint8).view(dtype).reshape(arrays, n)
        if dtype.kind == "f":
            others = ~numpy.isfinite(keys)
            keys[others] = random.standard_normal(others.sum(), dtype)
        return keys

    for line in sys.stdin:
        name, n, budget = line.split()
        dtype, n, budget = numpy.dtype(TYPES[name]), int(n), float(budget)
        keys = draw(dtype, n)
        ordered = numpy.array([sorted(row) for row in keys[: 1 << 10, : 1 << 16].tolist()], dtype)
        part = keys[: 1 << 10, : 1 << 16].copy()
        part.sort(axis=1)
        if not (part == ordered).all():
            print("wrong", flush=True)
            continue
        times, rounds = [], 0
        while True:
            if rounds == WARM_UP:
                began = time.perf_counter()
            counted = max(0, rounds - WARM_UP)
            if counted >= AT_LEAST and (counted >= AT_MOST or time.perf_counter() - began >= budget):
                break
            numpy.copyto(keys, draw(dtype, n))
            start = time.perf_counter()
            keys.sort(axis=1)  # all rows in one call: the least that Python can get in the way
            elapsed = time.perf_counter() - start
            if rounds >= WARM_UP:
                times.append(elapsed)
            rounds += 1
        print(1e9 * statistics.median(times) / keys.size, flush=True)


def python_with_numpy():
    """This Python, or that of an environment of our own, made if need be. And NumPy's version."""
    ask = "import numpy; print(numpy.__version__)"

    def version(python):
        answer = subprocess.run([python, "-c", ask], capture_output=True, text=True)
        return answer.stdout.strip() if answer.returncode == 0 else None

    own = ROOT / "target/peers/bin/python"
    for python in (sys.executable, str(own)):
        if Path(python).exists() and (found := version(python)):
            return python, found
    print("making an environment with NumPy in target/peers ...", file=sys.stderr)
    subprocess.run([sys.executable, "-m", "venv", own.parents[1]], check=True, stdout=sys.stderr)
    subprocess.run([own, "-m", "pip", "install", "--quiet", "numpy"], check=True, stdout=sys.stderr)
    return str(own), version(own)


def build_vqsort(folder):
    """The program, or None and why there is none."""
    compiler = shutil.which(os.environ.get("CXX", "g++"))
    if compiler is None:
        return None, "there is no C++ compiler"
    if ctypes.util.find_library("hwy_contrib") is None or not compiles(compiler, folder):
        if not (shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0):
            return None, "there is no Highway with vqsort (Debian's package libhwy-dev)"
        print("installing libhwy-dev ...", file=sys.stderr)
        for command in (["apt-get", "update", "--quiet"], ["apt-get", "install", "--yes", "libhwy-dev"]):
            subprocess.run(command, stdout=subprocess.DEVNULL)
        if not compiles(compiler, folder):
            return None, "it doesn't compile with Highway as it is installed here"
    return Path(folder) / "vqsort", None


def compiles(compiler, folder):
    source = Path(__file__).with_name("vqsort.cpp")
    command = [compiler, "-O3", "-std=c++17", source, "-lhwy_contrib", "-lhwy", "-o", Path(folder) / "vqsort"]
    return subprocess.run(command, capture_output=True).returncode == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = ROOT / "target/release/gears"
    parser.add_argument("--gears", default=default, help="the program, if it isn't in target/release")
    parser.add_argument("--turns", type=int, default=7, help="turns of each [7]")
    parser.add_argument("--types", nargs="+", default=list(TYPES), choices=TYPES, help="types of the keys")
    parser.add_argument("--lg", type=int, nargs="+", default=LENGTHS, help="lg n, the binary logarithms of lengths")
    parser.add_argument("--odd", action="store_true", help="one key more than these powers of two")
    parser.add_argument("--list", action="store_true", help="only print what would be sorted")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        return serve()
    points = [(dtype, (1 << lg) + options.odd) for dtype in options.types for lg in options.lg]
    if options.list:
        return print("\n".join(f"{n} keys of {dtype}" for dtype, n in points))

    python, version = python_with_numpy()
    with tempfile.TemporaryDirectory() as folder:
        vqsort, reason = build_vqsort(folder)
        rivals = [Peer("NumPy", [python, __file__, "--serve"])]
        if vqsort:
            rivals.append(Peer("vqsort", [vqsort]))
        print(f"gears against NumPy {version}{' and vqsort' if vqsort else ''}, random keys, on {peers.machine()},")
        print(f"{datetime.date.today()}; {options.turns} turns of each, alternately. Nanoseconds per key; ratios: the")
        print("other's time over that of gears, turn by turn: median (from to).")
        if reason:
            print(f"vqsort is left out: {reason}.")
        compare_all(Gears(options.gears), rivals, points, options.turns)
        for rival in rivals:
            rival.end()


def compare_all(gears, rivals, points, turns):
    """A row for each point."""
    ratios = [f"{rival.name} / {name}" for name in gears.NAMES for rival in rivals]
    names = ["type", "n", *gears.NAMES, *(rival.name for rival in rivals), *ratios]
    print(f"\n| {' | '.join(names)} |\n|---|{'--:|' * (len(names) - 1)}")
    for dtype, n in points:
        ours, theirs = [], []
        for _ in range(turns):
            time.sleep(peers.PAUSE)
            ours.append(gears.turn(dtype, n))
            theirs.append([])
            for rival in rivals:
                time.sleep(peers.PAUSE)
                theirs[-1].append(rival.turn(dtype, n))
        cells = [dtype, str(n)]
        cells += [f"{statistics.median(times):.3g}" for times in (*zip(*ours), *zip(*theirs))]
        for mine in zip(*ours):
            for other in zip(*theirs):
                ratio = [b / a for a, b in zip(mine, other)]
                cells.append(f"{statistics.median(ratio):.2f} ({min(ratio):.2f} {max(ratio):.2f})")
        print("|", " | ".join(cells), "|", flush=True)


if __name__ == "__main__":
    main()
