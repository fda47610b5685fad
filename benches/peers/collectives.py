"""gears against MPI: collectives on this machine, f32, by turns.

    python3 benches/peers/collectives.py                       # everything: about an hour
    python3 benches/peers/collectives.py --ranks 2 --ops all_reduce barrier --sizes 8 32K 2M
    python3 benches/peers/collectives.py --list

Peers are Open MPI 4 and 5, MPICH 4 and 5 and Intel MPI, as far as they are here or can be got (see mpi.py), and with
--gloo PyTorch's gloo, which takes gigabytes to install. One point after the other, and round by round, each peer has a
turn of 0.2 s and then gears has one. A turn's time is the median lap's: a batch of calls, back to back, each on buffers
that their rank has just rewritten, from a common start to the end on the slowest rank, over their number. All do it
alike; the programs are collectives.c, gloo.py and `gears bench`. Answers are looked at before they are timed.

Printed is a table in Markdown: the peer with the least median over the rounds, its time and that of gears, and the
ratio: in each round the time of that round's fastest peer over that of gears; median and range. Above 1 gears is
faster. A peer that is five times slower than the fastest in the first round has no more turns at that point.

Where there are cores for all ranks, MPI binds each rank to a core of its own. The ranks of gears are threads that
aren't bound; but their process is confined to the same cores. Ranks that outnumber cores aren't bound on either side,
and each library is told so in the way that it has for it (see mpi.py).
"""

import argparse
import contextlib
import datetime
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

sys.dont_write_bytecode = True  # nothing is left beside the scripts

import attention as peers
import mpi

ROOT = Path(__file__).resolve().parents[2]

OPERATIONS = ["all_reduce", "reduce_scatter", "all_gather", "all_to_all", "broadcast", "barrier"]
SIZES = ["8", "512", "8K", "32K", "128K", "512K", "2M", "8M", "32M", "256M"]
UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}

# Seconds of a turn, and laps, at least and at most: those of `gears bench`.
BUDGET, AT_LEAST, AT_MOST = 0.2, 5, 10_000
# How much slower than the fastest a peer may be and still be asked again.
SLOW = 5
# Bytes up to which a call is short: beside it, it is measured what flags need.
SHORT = 32 << 10
# Seconds after which a peer is taken to hang.
PATIENCE = 120


def cores():
    """One processor of each core that we may use: threads of one core would share it."""
    first = {}
    for cpu in sorted(os.sched_getaffinity(0)):
        path = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        first.setdefault(path.read_text() if path.exists() else cpu, cpu)
    return list(first.values())


def confined(ranks):
    """For a process to be started: it gets as many cores as it has ranks, if there are so many."""
    return lambda: os.sched_setaffinity(0, cores()[:ranks])


class Gears:
    """A process for each turn."""

    def __init__(self, program, laps):
        self.program = program
        self.laps = ["--iterations", str(laps)] if laps else []

    def bench(self, ranks, *arguments, laps=None):
        command = [self.program, "bench", *arguments, "--json", *(laps or self.laps)]
        ran = subprocess.run(command, check=True, capture_output=True, text=True, preexec_fn=confined(ranks))
        return [json.loads(line) for line in ran.stdout.splitlines()]

    def turn(self, ranks, op, size):
        (found,) = self.bench(ranks, op, "--ranks", str(ranks), *(["--bytes", str(size)] if size else []))
        return found


    def exchange(self):
        """What an exchange of flags takes just now: hosts move virtual cores about, from one minute to the next."""
        floors = self.bench(2, "floors", "--bytes", "8192", laps=["--iterations", "500"])
        return next(floor["time_us"]["median"] for floor in floors if floor["bench"] == "flag_exchange")


class Gone(Exception):
    """Why a peer's processes are of no more use."""


class Peer:
    """Processes for all turns, which sleep in between. They get a line and answer with an object of JSON."""

    def __init__(self, name, commands, environment, ranks, laps, folder):
        self.name = name
        self.laps = f"{BUDGET} {AT_LEAST} {AT_MOST}" if laps is None else f"0 {laps} {laps}"
        self.hung = False
        self.errors = open(Path(folder) / f"{name} {ranks}", "a+")
        self.processes = [
            subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE if first else subprocess.DEVNULL,
                stderr=self.errors,
                text=True,
                env=environment,
                preexec_fn=confined(ranks),
            )
            for first, command in zip([True] + [False] * len(commands), commands)
        ]
        self.introduction = self.answer()

    def turn(self, op, size):
        try:
            for process in self.processes:
                print(op, size or 0, self.laps, file=process.stdin, flush=True)
        except BrokenPipeError:
            raise Gone(self.last_words()) from None
        return self.answer()

    def answer(self):
        watch = threading.Timer(PATIENCE, self.kill)
        watch.start()
        line = self.processes[0].stdout.readline()
        self.hung = not watch.is_alive()
        watch.cancel()
        try:
            return json.loads(line)
        except ValueError:
            self.kill()
            raise Gone(self.last_words()) from None

    def last_words(self):
        self.errors.seek(0)
        lines = [line.strip() for line in self.errors if any(map(str.isalnum, line))]
        silent = f"no answer within {PATIENCE} s" if self.hung else "its processes have ended"
        return lines[0] if lines else silent

    def kill(self):
        """A launcher that is told to terminate ends its ranks, too; one that doesn't listen is killed."""
        for process in self.processes:
            process.terminate()
            late = threading.Timer(10, process.kill)
            late.daemon = True
            late.start()

    def end(self):
        for process in self.processes:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
        for stop in (lambda process: None, subprocess.Popen.terminate, subprocess.Popen.kill):
            for process in self.processes:
                stop(process)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(10)
        self.errors.close()


def start(libraries, torch, ranks, laps, folder, missing):
    """All peers on so many ranks. Those that can't be started are noted."""
    count, found = len(cores()), []
    kinds = [
        (library.name, [library.command(ranks, count)], library.environment(ranks, count)) for library in libraries
    ]
    if torch:
        store = str(Path(folder) / f"store of {ranks}")
        command = [torch, str(Path(__file__).with_name("gloo.py"))]
        environment = dict(os.environ, OMP_NUM_THREADS="1", GLOO_SOCKET_IFNAME="lo")
        kinds.append(("gloo", [[*command, str(rank), str(ranks), store] for rank in range(ranks)], environment))
    for name, commands, environment in kinds:
        try:
            found.append(Peer(name, commands, environment, ranks, laps, folder))
        except (Gone, OSError) as reason:
            missing[f"{name} on {ranks} ranks"] = str(reason)
    return found


def measure(gears, rivals, ranks, op, size, rounds, missing):
    """All rounds of one point: what is kept of it."""
    point = dict(op=op, ranks=ranks, bytes=size, gears_us=[], peers_us={}, ratios=[])
    asked = list(rivals)
    for turn in range(rounds):
        if ranks <= len(cores()) and (size or 0) <= SHORT:
            point.setdefault("exchange_us", []).append(gears.exchange())
        times = {}
        for rival in asked[turn % max(1, len(asked)) :] + asked[: turn % max(1, len(asked))]:
            try:
                found = rival.turn(op, size)
            except Gone as reason:
                missing[f"{rival.name} on {ranks} ranks, from {op} of {size or 0} bytes on"] = str(reason)
                rival.end()
                rivals.remove(rival)
                asked.remove(rival)
                continue
            if "error" in found or found["wrong"]:
                what = f"{rival.name}, {op} of {size or 0} bytes on {ranks} ranks"
                missing[what] = found.get("error", "a wrong answer")
                asked.remove(rival)
                continue
            times[rival.name] = found["time_us"]["median"]
            if point.setdefault("batch", found["batch"]) != found["batch"]:
                sys.exit(f"{op} of {size} bytes: batches of {point['batch']} calls, of {found['batch']} in {rival.name}")
        ours = gears.turn(ranks, op, size)
        if point.setdefault("batch", ours["batch"]) != ours["batch"]:
            sys.exit(f"{op} of {size} bytes: batches of {point['batch']} calls, and of {ours['batch']} in gears")
        point["bytes"] = ours.get("bytes")  # whole elements in each block
        point["gears_us"].append(ours["time_us"]["median"])
        point["chosen"] = ours.get("chosen")
        if "roofline_pct" in ours:
            point.setdefault("roofline_pct", []).append(ours["roofline_pct"])
        for name, time in times.items():
            point["peers_us"].setdefault(name, []).append(time)
        if times:
            fastest = min(times.values())
            point["ratios"].append(fastest / ours["time_us"]["median"])
            asked = [rival for rival in asked if times.get(rival.name, 0) <= SLOW * fastest or turn > 0]
    return point


def row(point):
    """A line of the table."""
    cells = [point["op"], size_name(point["bytes"])]
    ours = f"{statistics.median(point['gears_us']):.3g}"
    if not point["ratios"]:
        return "| " + " | ".join([*cells, "none", "", ours, ""]) + " |"
    medians = {name: statistics.median(times) for name, times in point["peers_us"].items()}
    fastest = min(medians, key=medians.get)
    ratios = point["ratios"]
    ratio = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} {max(ratios):.2f})"
    return "| " + " | ".join([*cells, fastest, f"{medians[fastest]:.3g}", ours, ratio]) + " |"


def size_name(size):
    """`512K`"""
    if size is None:
        return ""
    units = [(unit, name) for name, unit in UNITS.items() if size % unit == 0]
    return f"{size // units[-1][0]}{units[-1][1]}" if units else str(size)


def size_of(text):
    unit = UNITS.get(text[-1:].upper())
    size = int(text[:-1]) * unit if unit else int(text)
    if size < 4 or size % 4:
        raise ValueError(text)
    return size


def fits(ranks, size):
    """Whether there is memory for input and output of all ranks, and as much left."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/meminfo").read_text().splitlines()
        free = next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable"))
        return 4 * ranks * (size or 0) <= free
    return True


def build_gears():
    print("cargo build --release -p gears ...", file=sys.stderr)
    subprocess.run(["cargo", "build", "--release", "--quiet", "-p", "gears"], cwd=ROOT, check=True)
    return ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "release/gears"


def python_with_torch(wanted, missing):
    """This Python if it has PyTorch; else, if it is wanted, one in target/peers that is made to have it."""
    if subprocess.run([sys.executable, "-c", "import torch"], capture_output=True).returncode == 0:
        return sys.executable
    try:
        if wanted:
            return str(mpi.environment("torch") / "bin/python")
        missing["gloo"] = "this Python has no PyTorch (--gloo installs it)"
    except mpi.Missing as reason:
        missing["gloo"] = str(reason)
    return None


def named(texts, name):
    """Whether the name has one of the texts in it, if there are any."""
    return not texts or any(text.lower() in name.lower() for text in texts)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gears", help="the program, if it is built already")
    parser.add_argument("--ranks", type=int, nargs="+", default=[2, 4, 8], help="numbers of ranks [2 4 8]")
    parser.add_argument("--ops", nargs="+", default=OPERATIONS, choices=OPERATIONS, help="operations")
    parser.add_argument("--sizes", type=size_of, nargs="+", default=list(map(size_of, SIZES)), metavar="BYTES",
                        help=f"of the whole array that a rank puts in or gets out [{' '.join(SIZES)}]")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each at each point [5]")
    parser.add_argument("--laps", type=int, help="so many laps a turn, instead of 0.2 s of them: for a quick try")
    parser.add_argument("--peers", nargs="+", metavar="TEXT", help="only peers that have one of these in their names")
    parser.add_argument("--gloo", action="store_true", help="install PyTorch if this Python has none: gigabytes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep all times, with machine and date")
    parser.add_argument("--list", action="store_true", help="only print what would be measured")
    options = parser.parse_args()
    if min(options.ranks) < 2 or max(options.ranks) > 256:
        parser.error("from 2 to 256 ranks")
    return options


def main():
    options = arguments()
    points = [
        (ranks, op, size)
        for ranks in options.ranks
        for op in options.ops
        for size in (options.sizes if op != "barrier" else [None])
    ]
    if options.list:
        names = (" ".join([op, *([size_name(size)] if size else [])]) for _, op, size in points)
        return print("\n".join(f"{name} on {ranks} ranks" for name, (ranks, _, _) in zip(names, points)))

    gears = Gears(options.gears or build_gears(), options.laps)
    with tempfile.TemporaryDirectory() as folder:
        libraries, missing = mpi.libraries(folder)
        libraries = [library for library in libraries if named(options.peers, library.name)]
        torch = python_with_torch(options.gloo, missing) if named(options.peers, "gloo") else None
        record = dict(machine=peers.machine(), date=str(datetime.date.today()))
        record.update(rounds=options.rounds, laps=options.laps, libraries={}, missing=missing, floors={}, points=[])
        for ranks in options.ranks:
            rivals = start(libraries, torch, ranks, options.laps, folder, missing)
            try:
                record["libraries"].update({rival.name: rival.introduction["library"] for rival in rivals})
                record["floors"][ranks] = gears.bench(ranks, "floors")
                write_header(record, ranks, rivals)
                for _, op, size in (point for point in points if point[0] == ranks):
                    if not fits(ranks, size):
                        missing[f"{op} of {size_name(size)} on {ranks} ranks"] = "there isn't memory enough"
                        continue
                    record["points"].append(measure(gears, rivals, ranks, op, size, options.rounds, missing))
                    print(row(record["points"][-1]), flush=True)
                    if options.json:
                        options.json.write_text(json.dumps(record, indent=1) + "\n")
            finally:
                for rival in rivals:
                    rival.end()
    if missing:
        print("\nLeft out:\n")
        print("\n".join(f"- {what}: {reason}" for what, reason in missing.items()))


def write_header(record, ranks, rivals):
    """What is compared, the floors of this run, and the table's first lines."""
    floors = {floor["bench"]: floor["time_us"]["median"] for floor in record["floors"][ranks]}
    print(f"\n## {ranks} ranks\n")
    print(f"{record['machine']}, {record['date']}; {record['rounds']} rounds. Between two cores a flag takes")
    print(f"{floors['ping_pong']:.3g} us one way, and an exchange of flags {floors['flag_exchange']:.3g} us.\n")
    for rival in rivals:
        print(f"- {rival.name}: {rival.introduction['library']}")
    print("\n| operation | bytes | fastest peer | its us | gears us | ratio |\n|---|--:|---|--:|--:|--:|", flush=True)


if __name__ == "__main__":
    main()
