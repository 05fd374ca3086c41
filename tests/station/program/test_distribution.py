from pathlib import Path

import pytest

from station.program import distribution

ENTRY_POINTS = """\
[console_scripts]
plumbline = station.cli:main

[plumbline.commands]
record = dashboard.record.cli:record
edge = edge.command:edge

[pytest11]
plumbline = station.sim.pytest_plugin
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(distribution, "SITE", tmp_path)
    distribution._metadata.cache_clear()
    yield tmp_path
    distribution._metadata.cache_clear()


def install(site: Path, version: str) -> None:
    folder = site / f"plumbline_gym-{version}.dist-info"
    folder.mkdir()
    (folder / "entry_points.txt").write_text(ENTRY_POINTS, encoding="utf-8")


def test_an_installed_program_knows_its_commands_and_its_release_from_beside_it(site: Path) -> None:
    install(site, "9.8.7")
    assert distribution.commands() == {
        "edge": ("edge.command", "edge"),
        "record": ("dashboard.record.cli", "record"),
    }
    assert list(distribution.commands()) == ["edge", "record"]
    assert distribution.release() == "9.8.7"


@pytest.mark.parametrize("versions", [(), ("9.8.7", "9.8.6")])
def test_a_checkout_or_a_torn_update_is_asked_about_as_python_does(
    site: Path, versions: tuple[str, ...]
) -> None:
    for version in versions:
        install(site, version)
    assert distribution.commands()["edge"].load().__module__ == "edge.command"
    assert distribution.release() not in versions
