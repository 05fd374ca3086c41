"""An update and back again: real environments, real pip from a folder, a systemd that can be told to fail."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from edge.upkeep import releases as of_releases
from edge.upkeep.releases import Releases, extras_in_use
from edge.upkeep.update import restart_units, update
from station.errors import ConfigError

MAIN = """\
import sys
def main():
    print("plumbline {version}")
    return {status}
"""
# What it is told to do is in files beside it; what it was told, in a log.
SYSTEMCTL = """\
#!/bin/sh
here=$(dirname "$0")
echo "$@" >> "$here/log"
current=$(readlink "$here/../releases/current")
case "$1" in
  list-units) echo "plumbline-edge.service loaded active running Plumbline edge node" ;;
  show) if [ -e "$here/fails-$current" ]; then state=failed; else state=active; fi
    printf 'NRestarts=%s\n' "$(cat "$here/restarts" 2>/dev/null || echo 0)"
    printf 'Id=plumbline-edge.service\nActiveState=%s\n\n' $state
    printf 'Id=plumbline-record.service\nActiveState=active\nNRestarts=0\n' ;;
esac
"""


def wheel(folder: Path, version: str, status: int = 0, name: str = "plumbline_gym") -> None:
    """A release that says its version and no more."""
    info = f"{name}-{version}.dist-info"
    files = {
        "plumbline_main.py": MAIN.format(version=version, status=status),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: plumbline-gym\nVersion: {version}\n"
        + "".join(f"Provides-Extra: {extra}\n" for extra in of_releases.EXTRAS),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[console_scripts]\nplumbline = plumbline_main:main\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in (*files, f"{info}/RECORD"))
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as made:
        for path, text in files.items():
            made.writestr(path, text)


class Machine:
    """A folder of releases, a folder of wheels, a systemctl."""

    def __init__(self, folder: Path) -> None:
        self.wheels, self.releases, self.bin = folder / "wheels", folder / "releases", folder / "bin"
        self.wheels.mkdir()
        self.bin.mkdir()
        systemctl = self.bin / "systemctl"
        systemctl.write_text(SYSTEMCTL)
        systemctl.chmod(0o755)

    def update(self, *words: str) -> int:
        places = [] if "--back" in words else ["--from", str(self.wheels), "--into", str(self.releases)]
        return update([*words, *places, "--watch", "0.1"])

    def told(self) -> list[str]:
        log = self.bin / "log"
        return log.read_text().splitlines() if log.exists() else []

    @property
    def version(self) -> str:
        program = self.releases / "current" / "bin" / "plumbline"
        return subprocess.run([program], capture_output=True, text=True, check=True).stdout.split()[-1]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine(tmp_path)
    monkeypatch.setenv("PATH", f"{made.bin}:{os.environ['PATH']}")
    monkeypatch.setattr(Releases, "of_this_program", classmethod(lambda cls: cls(made.releases)))
    return made


@pytest.mark.long
@pytest.mark.timeout(600)  # four environments with pip in them
def test_an_update_back_and_forth(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    wheel(machine.wheels, "1.0")
    assert machine.update() == 0
    assert machine.version == "1.0" and machine.told()[1] == "restart plumbline-edge"
    wheel(machine.wheels, "2.0")
    assert machine.update() == 0
    assert machine.version == "2.0"
    assert "in use: 2.0; well: plumbline-edge" in capsys.readouterr().out
    assert machine.update("--back") == 0
    assert machine.version == "1.0"
    assert machine.update("--back") == 0
    assert machine.version == "2.0"
    # A release that does not run is no release: nothing changes, nothing is left of it.
    wheel(machine.wheels, "3.0", status=1)
    before = sorted(path.name for path in machine.releases.iterdir())
    with pytest.raises(ConfigError, match=r"does not run.*nothing was changed") as caught:
        machine.update("3.0")
    assert len(str(caught.value).splitlines()) == 1
    assert machine.version == "2.0" and sorted(path.name for path in machine.releases.iterdir()) == before
    # One whose units are not well under it is left again.
    wheel(machine.wheels, "4.0")
    (machine.bin / "fails-3").write_text("")
    assert machine.update("4.0") == 1
    said = capsys.readouterr().out
    assert machine.version == "2.0" and "not well: plumbline-edge" in said and "back at 2.0" in said
    assert machine.told()[-3:] != [] and machine.told().count("restart plumbline-edge") == 6


def test_what_is_neither_in_use_nor_the_one_before_is_removed(tmp_path: Path) -> None:
    releases = Releases(tmp_path)
    for number in (1, 2, 3, 10):
        (tmp_path / str(number)).mkdir()
    (tmp_path / "before-3").mkdir()
    releases.switch(tmp_path / "2")
    releases.switch(tmp_path / "3")
    releases.prune()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2", "3", "before-3", "current", "previous"]
    assert (releases.current, releases.previous) == (tmp_path / "3", tmp_path / "2")


def test_two_updates_at_once_are_one_too_many(tmp_path: Path) -> None:
    with (
        Releases(tmp_path).locked(),
        pytest.raises(ConfigError, match="under way"),
        Releases(tmp_path).locked(),
    ):
        pass


def test_an_installation_that_is_no_release_is_told_how_to_become_one() -> None:
    with pytest.raises(ConfigError, match="--into"):
        update(["--from", "/"])


def test_a_password_in_an_address_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"pip\.conf") as caught:
        update(["--index", "https://gym:geheim@example.org/simple"])
    assert "geheim" not in str(caught.value)


def test_the_extras_in_use_are_installed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [
        "numpy",
        'textual-serve>=1.1; extra == "web"',
        'psycopg[binary]>=3; extra == "postgres"',
        'x; extra == "dev"',
    ]
    monkeypatch.setattr(of_releases.importlib.metadata, "requires", lambda _: lines)
    monkeypatch.setattr(of_releases, "_installed", lambda name: name in ("textual-serve", "x"))
    assert extras_in_use() == ["web"]


def test_a_unit_calls_the_release_in_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from edge.upkeep.units import installed_program  # noqa: PLC0415

    (tmp_path / "7").mkdir()
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "7"))
    assert installed_program() == tmp_path / "7" / "bin" / "plumbline"
    (tmp_path / "current").symlink_to("7")
    assert installed_program() == tmp_path / "current" / "bin" / "plumbline"


def test_a_unit_that_systemd_starts_again_is_not_well(machine: Machine) -> None:
    def falls(_: float) -> None:
        (machine.bin / "restarts").write_text("1")

    assert restart_units(["plumbline-edge", "plumbline-record"], 60.0, sleep=falls) == ["plumbline-edge"]


def test_units_are_watched_for_as_long_as_asked_however_slow_the_machine(machine: Machine) -> None:
    clock = iter([0.0, 7.0, 14.0, 15.0])
    assert restart_units(["plumbline-edge"], 15.0, sleep=lambda _: None, now_s=lambda: next(clock)) == []
    assert machine.told().count("show --property=Id,ActiveState,NRestarts plumbline-edge") == 4
