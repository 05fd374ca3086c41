"""`make deb`: Debian packages of the node for amd64 and arm64, held against lintian and tried in a root.

    wheels (tests.packaging.wheels) -> an environment in /usr/lib/plumbline-node, with unit, rules and user
    -> dist/plumbline-node_VERSION_ARCH.deb -> lintian -> installed, upgraded, removed, purged in a root

python -m tests.packaging.deb [--only amd64] [--no-trial]
"""

import argparse
import gzip
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from email.utils import formatdate
from pathlib import Path

from edge.upkeep.node_command import USER
from edge.upkeep.units import EDGE, NodeCommand, node_rules, node_unit, user_of
from station.cli import USAGE, commands
from tests.packaging.roots import HERE, MACHINES, PYTHON, SUITE, TO_ENTER, TO_MAKE, Layer, need
from tests.packaging.wheels import ROOT, fetch, foreign, tools, version, wheel

NAME = "plumbline-node"
HOME = f"usr/lib/{NAME}"
SITE = f"{HOME}/lib/python{PYTHON}/site-packages"
DEBIAN = Path(__file__).with_name("debian")
# Debian's packages of the libraries that the wheels leave to the system.
LIBRARIES = {
    "ld-linux-aarch64.so.1": "libc6 (>= 2.28)", "ld-linux-x86-64.so.2": "libc6 (>= 2.28)",
    "libc.so.6": "libc6 (>= 2.28)", "libm.so.6": "libc6 (>= 2.28)", "libpthread.so.0": "libc6 (>= 2.28)",
    "libdl.so.2": "libc6 (>= 2.28)", "libgcc_s.so.1": "libgcc-s1", "libstdc++.so.6": "libstdc++6",
    "libz.so.1": "zlib1g",
}  # fmt: skip
# Of no use where nothing is built and nothing is tested.
LEFT_OUT = (
    "bin",
    "numpy/**/tests",
    "numpy/f2py",
    "numpy/**/*.a",
    "numpy/_core/include",
    "numpy/_core/*_tests.*",
    "**/*.pyi",
)
RUN = f"/{HOME}/bin/python3 -P -m station.cli"


def build(arch: str, wheels: Path, out: Path, label: str) -> Path:
    """Make the package of a processor from the wheels in a folder; its path."""
    with tempfile.TemporaryDirectory(prefix="plumbline-deb-") as name:
        tree = Path(name)
        environment(arch, wheels, tree)
        put(tree / f"lib/systemd/system/{EDGE}.service", unit_text())
        put(tree / "lib/udev/rules.d/60-plumbline.rules", ours(node_rules()))
        who = user_of(NAME, "", USER, "Plumbline edge node")
        put(tree / f"usr/lib/sysusers.d/{NAME}.conf", ours(who))
        (tree / "usr/bin").mkdir(parents=True)
        (tree / "usr/bin/plumbline").symlink_to(f"../lib/{NAME}/bin/plumbline")
        put(tree / "usr/share/man/man1/plumbline.1.gz", packed(manual()))
        put(tree / f"usr/share/doc/{NAME}/copyright", (DEBIAN / "copyright").read_text(encoding="utf-8"))
        put(tree / f"usr/share/doc/{NAME}/changelog.gz", packed(changelog(label)))
        put(tree / f"usr/share/lintian/overrides/{NAME}", (DEBIAN / "lintian-overrides").read_text())
        control(arch, tree, label)
        made = out / f"{NAME}_{label}_{arch}.deb"
        pack = ["dpkg-deb", "--build", "--root-owner-group", "-Zxz", tree, made]
        subprocess.run(pack, check=True, stdout=subprocess.DEVNULL)
    return made


def environment(arch: str, wheels: Path, tree: Path) -> None:
    """The node's own Python environment, as `python3 -m venv` and pip would make it, without pip."""
    site, binary = tree / SITE, tree / HOME / "bin"
    (ours_,) = wheels.glob("plumbline_gym-*.whl")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--no-compile"]
    where = ["--no-index", "--find-links", wheels, "--target", site]
    subprocess.run([*pip, *where, *foreign(arch), ours_], check=True)
    for pattern in LEFT_OUT:
        for path in list(site.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    for path in site.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    put(
        tree / HOME / "pyvenv.cfg",
        f"home = /usr/bin\ninclude-system-site-packages = false\nversion = {PYTHON}\n",
    )
    put(binary / "plumbline", f'#!/bin/sh\nexec {RUN} "$@"\n', 0o755)
    (binary / "python3").symlink_to(f"../../../bin/python{PYTHON}")


def control(arch: str, tree: Path, label: str) -> None:
    """The package's DEBIAN folder."""
    needed: set[str] = set()
    for path in (tree / HOME).rglob("*.so*"):
        said = subprocess.run(["readelf", "-d", path], capture_output=True, text=True, check=True).stdout
        needed |= set(re.findall(r"\(NEEDED\).*\[(.+)\]", said))
    beside = {path.name for path in (tree / HOME).rglob("*.so*")}
    libraries = sorted({LIBRARIES[library] for library in needed - beside})
    size = sum(path.lstat().st_size for path in tree.rglob("*") if path.is_file())
    major, minor = PYTHON.split(".")
    text = (DEBIAN / "control").read_text(encoding="utf-8").format(
        version=label,
        arch=arch,
        size_kib=size // 1024,
        python=PYTHON,
        python_after=f"{major}.{int(minor) + 1}",
        libraries=", ".join(libraries),
    )  # fmt: skip
    put(tree / "DEBIAN/control", text)
    for script in ("postinst", "prerm", "postrm"):
        put(tree / "DEBIAN" / script, (DEBIAN / script).read_text(encoding="utf-8"), 0o755)
    sums = [
        f"{hashed.split()[0]}  {path.relative_to(tree)}\n"
        for path in sorted(tree.rglob("*"))
        if path.is_file() and not path.is_symlink() and "DEBIAN" not in path.parts
        for hashed in [subprocess.run(["md5sum", path], capture_output=True, text=True, check=True).stdout]
    ]
    put(tree / "DEBIAN/md5sums", "".join(sums))


def unit_text() -> str:
    """The unit of a node that serves all station files there are, until `edge install` writes its own."""
    text = ours(node_unit(NodeCommand(("STATIONS",))))
    (line,) = re.findall(r"^ExecStart=.*$", text, re.MULTILINE)
    words = line.split(" edge ", 1)[1].replace("STATIONS", "/etc/plumbline/*.toml")
    text = text.replace(line, f"ExecStart=/bin/sh -c 'exec /{HOME}/bin/plumbline edge {words}'")
    text = re.sub(r"^ConditionFileIsExecutable=.*\n", "", text, flags=re.MULTILINE)
    text = text.replace("[Unit]\n", "[Unit]\nConditionPathExistsGlob=/etc/plumbline/*.toml\n", 1)
    return re.sub(r"^(ProtectHome=).*$", r"\1yes", text, flags=re.MULTILINE)


def ours(text: str) -> str:
    """A generated file without the line that says who wrote it into /etc."""
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("# Written by"))


def manual() -> str:
    """plumbline(1), from the command's own usage."""
    names = "  ".join(name for name, entry in commands().items() if entry.module.startswith("edge."))
    usage = USAGE.format(commands=f"  {names}").replace("\\", "\\\\").replace("-", "\\-")
    head = ".TH PLUMBLINE 1\n.SH NAME\nplumbline \\- count repetitions at instrumented gym stations\n"
    return f"{head}.SH DESCRIPTION\n.nf\n{usage}.fi\n.SH SEE ALSO\n.B plumbline COMMAND \\-\\-help\n"


def changelog(label: str) -> str:
    day = formatdate(float(os.environ["SOURCE_DATE_EPOCH"]))
    maintainer = re.search(r"^Maintainer: (.*)$", (DEBIAN / "control").read_text(), re.MULTILINE)
    assert maintainer is not None
    head = f"{NAME} ({label}) {SUITE}; urgency=medium"
    return f"{head}\n\n  * As CHANGELOG.md of Plumbline says.\n\n -- {maintainer[1]}  {day}\n"


def packed(text: str) -> bytes:
    return gzip.compress(text.encode(), 9, mtime=0)


def put(path: Path, text: str | bytes, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(mode)


def clean(package: Path) -> bool:
    """Whether lintian has nothing to say that is an error or a warning."""
    done = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning", package], check=False)
    return done.returncode == 0


def trial(arch: str, package: Path, newer: Path) -> int:
    """Install, upgrade, remove and purge in a root; how many steps were not as they should be."""
    with tempfile.TemporaryDirectory(prefix="plumbline-trial-") as name:
        given = Path(name)
        shutil.copy2(package, given / "old.deb")
        shutil.copy2(newer, given / "new.deb")
        with Layer(arch, given) as layer:
            return layer.run((DEBIAN / "trial.sh").read_text(encoding="utf-8"))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.packaging.deb", description=__doc__)
    parser.add_argument("--only", choices=sorted(MACHINES))
    parser.add_argument("--no-trial", action="store_true")
    args = parser.parse_args()
    archs = [args.only] if args.only else sorted(MACHINES)
    need(["dpkg-deb:dpkg", "readelf:binutils", "lintian", *TO_MAKE, *TO_ENTER], "deb")
    for arch in archs:
        need([*tools(arch), *(["qemu-aarch64-static:qemu-user-static"] if arch != HERE else [])], "deb")
    day = subprocess.run(
        ["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    os.environ.setdefault("SOURCE_DATE_EPOCH", day.stdout.strip())
    out, label, bad = ROOT / "dist", version(), 0
    out.mkdir(exist_ok=True)
    for arch in archs:
        start_s = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="plumbline-wheels-") as name:
            wheels = Path(name)
            made = wheel(arch, wheels)
            fetch(arch, [str(made)], wheels)
            package = build(arch, wheels, out, label)
            newer = build(arch, wheels, wheels, f"{label}+next")
            size, took_s = package.stat().st_size / 1e6, time.monotonic() - start_s
            print(f"{package.relative_to(ROOT)}: {size:.1f} MB, {took_s:.0f} s", flush=True)
            bad += not clean(package)
            bad += 0 if args.no_trial else trial(arch, package, newer)
    print("make deb: all well" if not bad else f"make deb: {bad} of it are not well", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
