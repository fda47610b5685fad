"""The MPI libraries that collectives.py compares with: where they come from, and how each is started.

Open MPI 4 and MPICH 4 are the distribution's (Debian's names of packages are used), Open MPI 5, MPICH 5 and Intel MPI
come from PyPI, an environment each in target/peers. Intel's has no headers: its program is compiled with those of
MPICH, with which it shares a binary interface.
"""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = Path(__file__).with_name("collectives.c")

# On containers one is often root, which Open MPI would refuse.
ENVIRONMENT = {
    name: "1"
    for program in ("OMPI", "PRTE")
    for name in (f"{program}_ALLOW_RUN_AS_ROOT", f"{program}_ALLOW_RUN_AS_ROOT_CONFIRM")
}


class Missing(Exception):
    """Why a library is left out."""


class Library:
    """One that is there: `command(ranks, cores)` starts the program on so many ranks, in `environment(ranks, cores)`."""

    def __init__(self, name, program, launcher, bound, unbound, always=None, crowded=None):
        self.name, self.program, self.launcher = name, str(program), launcher
        self.bound, self.unbound = bound, unbound
        self.always, self.crowded = always or {}, crowded or {}

    def command(self, ranks, cores):
        binding = self.bound if ranks <= cores else self.unbound
        return [*self.launcher, "-n", str(ranks), *binding, self.program, str(cores)]

    def environment(self, ranks, cores):
        crowded = self.crowded if ranks > cores else {}
        return dict(os.environ, **ENVIRONMENT, **self.always, **crowded)


def libraries(folder):
    """All that can be had, built in `folder`; and of the others, why not."""
    compiler()
    found, missing = [], {}
    for names, get in (
        (["Open MPI 4", "Open MPI 4 as it comes", "Open MPI 4 without CMA"], open_mpi_4),
        (["MPICH 4"], mpich_4),
        (["Open MPI 5"], open_mpi_5),
        (["MPICH 5"], mpich_5),
        (["Intel MPI"], intel_mpi),
    ):
        try:
            found += get(names, Path(folder))
        except Missing as reason:
            missing[names[0]] = str(reason)
    return found, missing


# Ranks in order on the first cores; or wherever the system puts them, if they outnumber cores.
OPEN_MPI = (["--map-by", "core", "--bind-to", "core"], ["--bind-to", "none", "--oversubscribe"])
HYDRA = (["-bind-to", "core"], ["-bind-to", "none"])

# A rank that waits must make way where ranks outnumber cores. Open MPI's do once it is told to oversubscribe (it turns
# mpi_yield_when_idle on). MPICH's poll on; these are what its own tests set where processes outnumber cores
# (.github/workflows/ci-workflow.yml). `mpivars` explains them: yield after each poll in vain, and sleep 1 us. MPICH 4.0
# has only the first.
MPICH_CROWDED = {
    "MPIR_CVAR_POLLS_BEFORE_YIELD": "1",
    "MPIR_CVAR_CH4_PROGRESS_THROTTLE": "true",
    "MPIR_CVAR_CH4_PROGRESS_THROTTLE_NO_PROGRESS_COUNT": "1",
}
# Intel's pins by default, each rank to one core, also if there are several for each; `-bind-to` isn't what says so. A
# rank that is pinned can't move away from whoever else gets that core. I_MPI_WAIT_MODE is Intel's switch for several
# ranks on a core.
INTEL_CROWDED = {"I_MPI_PIN": "0", "I_MPI_WAIT_MODE": "1"}


def open_mpi_4(names, folder):
    """Three ways: shared memory alone; what it chooses by itself; and without copies through the kernel."""
    mpicc, mpirun = distribution("openmpi", ["openmpi-bin", "libopenmpi-dev"])
    program = build([mpicc], folder / "open_mpi_4")
    memory = ["--mca", "pml", "ob1", "--mca", "btl", "self,vader"]
    ways = memory, [], [*memory, "--mca", "btl_vader_single_copy_mechanism", "none"]
    return [Library(name, program, [mpirun, *way], *OPEN_MPI) for name, way in zip(names, ways)]


def mpich_4(names, folder):
    mpicc, mpirun = distribution("mpich", ["mpich", "libmpich-dev"])
    return [Library(names[0], build([mpicc], folder / "mpich_4"), [mpirun], *HYDRA, crowded=MPICH_CROWDED)]


def open_mpi_5(names, folder):
    own = environment("openmpi")
    program = build([own / "bin/mpicc"], folder / "open_mpi_5")
    launcher = [own / "bin/mpirun", "--mca", "pml", "ob1", "--mca", "btl", "self,sm"]
    return [Library(names[0], program, launcher, *OPEN_MPI)]


def mpich_5(names, folder):
    own = environment("mpich")
    program = build([own / "bin/mpicc"], folder / "mpich_5")
    return [Library(names[0], program, [own / "bin/mpiexec.hydra"], *HYDRA, crowded=MPICH_CROWDED)]


def intel_mpi(names, folder):
    if platform.machine() != "x86_64":
        raise Missing("there is none for this processor")
    own, headers = environment("impi-rt"), environment("mpich") / "include"
    if not (own / "lib/libmpi.so.12").exists():
        raise Missing("the package has no libmpi.so.12")
    link = ["-L", own / "lib", "-l:libmpi.so.12", f"-Wl,--disable-new-dtags,-rpath,{own / 'lib'}"]
    program = build([compiler(), "-I", headers], folder / "intel_mpi", link)
    one_each = ["-genv", "I_MPI_PIN_PROCESSOR_LIST", "allcores"]  # rank after rank
    return [
        Library(
            names[0],
            program,
            [own / "bin/mpiexec.hydra"],
            one_each,
            [],
            always={"I_MPI_ROOT": str(own), "I_MPI_FABRICS": "shm"},
            crowded=INTEL_CROWDED,
        )
    ]


def build(compile_with, program, link=()):
    command = [*compile_with, "-O2", "-std=c11", "-pthread", SOURCE, "-o", program, *link, "-lrt"]
    built = subprocess.run(command, capture_output=True, text=True)
    if built.returncode != 0:
        lines = built.stderr.strip().splitlines() or ["no reason given"]
        raise Missing(f"the program doesn't compile: {lines[0]}")
    return program


def compiler():
    """The C compiler that mpicc calls, too."""
    if shutil.which("cc") is None:
        install(["gcc", "libc6-dev"])
    found = shutil.which("cc")
    return found or sys.exit("there is no C compiler, without which no program for MPI can be built")


def distribution(which, packages):
    """Compiler and launcher of an MPI that the distribution has, installed if need be."""
    names = f"mpicc.{which}", f"mpirun.{which}"
    if not all(map(shutil.which, names)):
        install(packages)
    found = [shutil.which(name) for name in names]
    if not all(found):
        raise Missing(f"there is no {names[0]} (Debian's packages {' and '.join(packages)})")
    return found


def install(packages, updated=[]):
    """By apt-get, if there is one and we are root."""
    if not (shutil.which("apt-get") and os.geteuid() == 0):
        return
    print(f"installing {' and '.join(packages)} ...", file=sys.stderr)
    quiet = dict(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    quiet["env"] = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    if not updated:
        updated.append(subprocess.run(["apt-get", "update"], **quiet))
    subprocess.run(["apt-get", "install", "--yes", "--no-install-recommends", *packages], **quiet)


def environment(package):
    """An environment of our own in target/peers that has this package of PyPI, made if need be."""
    own = ROOT / "target/peers" / package
    done = own / "installed"
    if not done.exists():
        print(f"making an environment with {package} in target/peers ...", file=sys.stderr)
        for command in (
            [sys.executable, "-m", "venv", "--clear", own],
            [own / "bin/python", "-m", "pip", "install", "--quiet", package],
        ):
            ran = subprocess.run(command, capture_output=True, text=True)
            if ran.returncode != 0:
                lines = (ran.stderr or ran.stdout).strip().splitlines() or ["no reason given"]
                raise Missing(f"{package} can't be installed from PyPI: {lines[-1]}")
        done.touch()
    return own
