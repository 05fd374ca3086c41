"""Debian roots of one processor each, made once by mmdebstrap and kept, and what is run in one.

    ~/.cache/plumbline/roots/arm64, amd64

What is run sees a root with a layer of its own over it, which goes with it; the root stays as it was made.
Programs of another processor run through the kernel's binfmt_misc and qemu-user-static. Needs root.
"""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

SUITE = "bookworm"  # what 64-bit Pi OS is made from
PYTHON = "3.11"  # of that suite
ROOTS = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "plumbline" / "roots"
# For the program, for tests that build, and to look at processes and units.
PACKAGES = "python3 python3-venv libpython3.11-dev mosquitto openssl make gcc libc6-dev procps systemd"
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
HERE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine())
TO_MAKE = ("mmdebstrap", "arch-test")  # of another processor, the first asks for the second
TO_ENTER = ("unshare:util-linux", "ip:iproute2")
BINFMT = Path("/proc/sys/fs/binfmt_misc")
# In namespaces of its own: root, its layer, what is given to it; all gone when its first process ends.
ENTER = """\
set -eu
root=$1 layer=$2 given=$3; shift 3
ip link set lo up
mount -t overlay overlay -o "lowerdir=$root,upperdir=$layer/upper,workdir=$layer/work" "$layer/root"
mount -t proc proc "$layer/root/proc"
mount --rbind /dev "$layer/root/dev"
mount -t tmpfs tmpfs "$layer/root/run"
mkdir -p "$layer/root/given" && mount --bind "$given" "$layer/root/given"
echo "127.0.0.1 localhost" > "$layer/root/etc/hosts"
[ "$1" = inside ] || { shift; mount -t proc proc /proc; exec "$@"; }
shift
exec chroot "$layer/root" /usr/bin/env -i HOME=/root LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
"""


def need(tools: Iterable[str], target: str) -> None:
    """End in one line where a tool, or root, is missing. `tools`: "command" or "command:package"."""
    named = [tool.partition(":")[::2] for tool in tools]
    missing = [package or tool for tool, package in named if shutil.which(tool) is None]
    if missing:
        sys.exit(
            f"make {target}: skipped, for want of {' '.join(missing)}; apt-get install {' '.join(missing)}"
        )
    if os.geteuid() != 0:
        sys.exit(f"make {target}: skipped, roots are made and entered by root alone; sudo make {target}")


def root_of(arch: str) -> Path:
    """The root of that processor; made now where there is none yet."""
    if arch != HERE:
        _teach_kernel(MACHINES[arch])
    root = ROOTS / arch
    if not root.is_dir():
        draft = ROOTS / f"{arch}.new"
        subprocess.run(["rm", "-rf", "--one-file-system", draft], check=True)
        ROOTS.mkdir(parents=True, exist_ok=True)
        print(f"a root of Debian {SUITE} for {arch}, once, in {root}: some minutes", flush=True)
        include = f"--include={','.join(PACKAGES.split())}"
        command = ["mmdebstrap", "--quiet", f"--architectures={arch}", "--mode=root", "--variant=minbase"]
        subprocess.run([*command, include, SUITE, draft], check=True)
        draft.rename(root)
    return root


def _teach_kernel(machine: str) -> None:
    """Let the kernel run programs of another processor, until this machine's next start."""
    if (BINFMT / f"qemu-{machine}").exists():
        return
    if not (BINFMT / "register").exists():
        subprocess.run(["mount", "-t", "binfmt_misc", "none", BINFMT], check=True)
    if not (BINFMT / f"qemu-{machine}").exists():
        rule = Path(f"/usr/lib/binfmt.d/qemu-{machine}.conf").read_bytes()
        (BINFMT / "register").write_bytes(rule.rstrip(b"\n"))


class Layer:
    """A root with what was changed in it since; a context manager.

    given : a folder that stands at /given, for both to write
    """

    def __init__(self, arch: str, given: Path) -> None:
        self.root, self._given = root_of(arch), given
        self._folder = tempfile.TemporaryDirectory(prefix=f"layer-{arch}-", dir=ROOTS)
        self.path = Path(self._folder.name)

    def __enter__(self) -> Self:
        for name in ("upper", "work", "root"):
            (self.path / name).mkdir()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    def run(self, script: str, *, log: Path | None = None) -> int:
        """Run a shell script in it and return its status; its output goes to `log`, or is ours."""
        (self._given / "script.sh").write_text(f"set -eu\n{script}\n", encoding="utf-8")
        return self._enter(["inside", "/bin/sh", "/given/script.sh"], log)

    def beside(self, command: Sequence[object], *, log: Path | None = None) -> int:
        """Run a command of this machine that sees it below `path` / "root"."""
        return self._enter(["beside", *map(str, command)], log)

    def _enter(self, words: Sequence[str], log: Path | None) -> int:
        own = ["--mount", "--net", "--pid", "--fork", "--kill-child", "--propagation", "private"]
        where = [str(self.root), str(self.path), str(self._given)]
        command = ["unshare", *own, "sh", "-c", ENTER, "enter", *where, *words]
        if log is None:
            return subprocess.run(command, check=False).returncode
        with log.open("w", encoding="utf-8") as out:
            return subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, check=False).returncode
