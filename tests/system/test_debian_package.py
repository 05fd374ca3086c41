"""What of the Debian package can be seen without building it; `make deb` builds, installs and removes it."""

import shutil
import subprocess

import pytest

from edge.upkeep.units import EDGE, NodeCommand, node_rules, node_unit
from tests.packaging import deb
from tests.packaging.roots import need

SCRIPTS = ("postinst", "prerm", "postrm", "trial.sh")


def test_the_packages_unit_is_that_of_edge_install_for_whatever_stations_there_are() -> None:
    packaged, installed = (
        deb.unit_text().splitlines(),
        node_unit(NodeCommand(("/etc/plumbline/rack-1.toml",))),
    )
    ours = [line for line in packaged if line not in installed.splitlines()]
    assert ours == [
        "ConditionPathExistsGlob=/etc/plumbline/*.toml",
        "ExecStart=/bin/sh -c 'exec /usr/lib/plumbline-node/bin/plumbline edge"
        " --station /etc/plumbline/*.toml --outbox /var/lib/plumbline/outbox.db'",
    ] + ["ProtectHome=yes"] * ("ProtectHome=yes" not in installed)


def test_the_packages_files_do_not_say_that_a_command_has_written_them() -> None:
    for text in (deb.unit_text(), deb.ours(node_rules())):
        assert "Written by" not in text


def test_a_unit_whose_program_was_removed_is_not_started_again_and_again() -> None:
    unit = node_unit(NodeCommand(("/etc/plumbline/rack-1.toml",)))
    program = unit.split("ExecStart=")[1].split()[0]
    assert f"ConditionFileIsExecutable={program}\n" in unit.split("[Service]")[0]
    assert EDGE == "plumbline-edge"


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_of_the_package_is_a_shell_script(script: str) -> None:
    subprocess.run(["sh", "-n", deb.DEBIAN / script], check=True)


def test_the_manual_page_names_the_nodes_commands_and_no_others() -> None:
    said = deb.manual()
    assert "calibrate" in said and "record" not in said.split("commands:")[1].split("examples")[0]


def test_what_is_missing_is_named_with_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "lintian" else f"/usr/bin/{name}")
    with pytest.raises(SystemExit) as ended:
        need(["dpkg-deb:dpkg", "lintian"], "deb")
    assert str(ended.value) == "make deb: skipped, for want of lintian; apt-get install lintian"
