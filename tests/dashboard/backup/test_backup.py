"""Backups: of one moment while the record writes, checked byte by byte, put back into an empty machine."""

import os
import re
import sqlite3
import stat
import subprocess
import tempfile
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from dashboard.backup import postgres_copy
from dashboard.backup.folder import MANIFEST, SETTINGS, SQLITE, read_manifest
from dashboard.record.store import Arrived, open_store
from station.cli import main
from station.messages import RepMessage

MakeRep = Callable[..., RepMessage]


def fill(where: str, make_rep: MakeRep, count: int = 40) -> None:
    with open_store(where) as store:
        reps = [
            make_rep(n, stream="s", seq=n, event_id=f"e{n}", session="a", set_number=1)
            for n in range(1, count + 1)
        ]
        store.ingest([Arrived("gym", "rack-1", rep) for rep in reps])


def content(where: str) -> list[tuple[object, ...]]:
    query = "SELECT * FROM reps ORDER BY event_id"
    if where.startswith("postgres"):
        with psycopg.connect(where) as db:
            return [tuple(row) for row in db.execute(query)]
    with closing(sqlite3.connect(where)) as db:
        return db.execute(query).fetchall()


def backup(out: Path, where: str | Path, *words: str) -> int:
    return main(["backup", "--out", str(out), "--db", str(where), *(words or ["--no-settings"])])


def restore(folder: Path, where: str | Path, *words: str) -> int:
    return main(["restore", str(folder), "--db", str(where), *words])


def settings(root: Path) -> dict[str, str]:
    files = {
        "etc/plumbline/rack-1.toml": "exercise = 'rdl'\n",
        "etc/plumbline/rack-1.pw": "geheim\n",
        "etc/mosquitto/plumbline/private/ca.key": "key\n",
        "etc/mosquitto/plumbline/broker/passwords": "hashes\n",
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o600)
    return files


def test_what_was_backed_up_comes_back_row_for_row(
    where: str, request: pytest.FixtureRequest, tmp_path: Path, make_rep: MakeRep,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    fill(where, make_rep)
    out = tmp_path / "copy"
    assert backup(out, where) == 0
    assert "40 reps" in capsys.readouterr().out
    assert stat.S_IMODE(out.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in out.iterdir()} == {0o600}
    assert read_manifest(out).rows["reps"] == 40
    is_file = not where.startswith("postgres")
    new = str(tmp_path / "new.db") if is_file else request.getfixturevalue("postgres").database()
    assert restore(out, new) == 0
    assert content(new) == content(where) and len(content(new)) == 40
    # What is there is not written over unasked, and then not lost.
    fill(new, make_rep, 41)
    assert restore(out, new) == 1
    assert "--over" in capsys.readouterr().err and len(content(new)) == 41
    assert restore(out, new, "--over") == 0
    assert content(new) == content(where)
    if is_file:
        assert len(content(f"{new}.before-1")) == 41
    fill(new, make_rep, 45)  # it is a history that can be gone on with
    assert len(content(new)) == 45


def test_a_backup_under_the_records_writing_is_of_one_moment(tmp_path: Path, make_rep: MakeRep) -> None:
    where = tmp_path / "history.db"
    fill(str(where), make_rep, 1)
    stop, written = threading.Event(), [1]

    def write() -> None:
        with open_store(str(where)) as store:
            while not stop.is_set():
                n = written[0] + 1
                rep = make_rep(n, stream="s", seq=n, event_id=f"e{n}", session="a", set_number=1)
                store.ingest([Arrived("gym", "rack-1", rep)])
                written[0] = n

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for number in range(4):
            before = written[0]
            assert backup(tmp_path / f"copy-{number}", where) == 0
            with closing(sqlite3.connect(tmp_path / f"copy-{number}" / SQLITE)) as db:
                reps = db.execute("SELECT count(*) FROM reps").fetchone()[0]
                (last,) = db.execute("SELECT max(last_seq) FROM received").fetchone()
            assert reps == last and before <= reps <= written[0]
    finally:
        stop.set()
        thread.join()


def test_a_history_that_somebody_holds_is_not_restored_into(
    tmp_path: Path, make_rep: MakeRep, capsys: pytest.CaptureFixture[str], until: Any
) -> None:
    where = tmp_path / "history.db"
    fill(str(where), make_rep)
    assert backup(tmp_path / "copy", where) == 0
    holder = subprocess.Popen(["tail", "-f", str(where)], stdout=subprocess.DEVNULL)
    fds = Path(f"/proc/{holder.pid}/fd")
    try:
        until(lambda: str(where) in {os.path.realpath(one) for one in fds.iterdir()})
        assert restore(tmp_path / "copy", where, "--over") == 1
    finally:
        holder.kill()
        holder.wait()
    error = capsys.readouterr().err
    assert "in use by tail" in error and len(error.splitlines()) == 1


def test_a_byte_that_has_changed_is_found(
    tmp_path: Path, make_rep: MakeRep, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(str(tmp_path / "history.db"), make_rep)
    out = tmp_path / "copy"
    backup(out, tmp_path / "history.db")
    assert main(["restore", str(out), "--check"]) == 0
    data = bytearray((out / SQLITE).read_bytes())
    data[5000] ^= 1
    (out / SQLITE).write_bytes(data)
    assert main(["restore", str(out), "--check"]) == 1
    assert restore(out, tmp_path / "new.db") == 1 and not (tmp_path / "new.db").exists()
    assert "not as it was written" in capsys.readouterr().err


def test_settings_come_back_with_their_modes_and_nothing_is_written_over_unasked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new, out = tmp_path / "old", tmp_path / "new", tmp_path / "copy"
    files = settings(old)
    (old / "etc/plumbline/link").symlink_to("/etc/shadow")
    assert main(["backup", "--out", str(out), "--no-history", "--root", str(old)]) == 0
    assert "geheim" not in capsys.readouterr().out
    assert main(["restore", str(out), "--root", str(new)]) == 0
    for name, text in files.items():
        assert (new / name).read_text() == text and stat.S_IMODE((new / name).stat().st_mode) == 0o600
    assert not (new / "etc/plumbline/link").exists()
    capsys.readouterr()
    assert main(["restore", str(out), "--root", str(new)]) == 0
    assert "0 settings written" in capsys.readouterr().out
    (new / "etc/plumbline/rack-1.toml").write_text("mine\n")
    assert main(["restore", str(out), "--root", str(new)]) == 1
    assert (new / "etc/plumbline/rack-1.toml").read_text() == "mine\n"
    assert main(["restore", str(out), "--root", str(new), "--over"]) == 0
    assert (new / "etc/plumbline/rack-1.toml").read_text() == files["etc/plumbline/rack-1.toml"]


def test_links_are_not_followed_when_settings_come_back(tmp_path: Path) -> None:
    old, new, out = tmp_path / "old", tmp_path / "new", tmp_path / "copy"
    settings(old)
    main(["backup", "--out", str(out), "--no-history", "--root", str(old)])
    victim = tmp_path / "victim"
    victim.mkdir()
    (new / "etc").mkdir(parents=True)
    (new / "etc/plumbline").symlink_to(victim)
    assert main(["restore", str(out), "--root", str(new), "--over"]) == 1
    assert list(victim.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_root_reads_and_writes_a_records_folder_as_its_owner(
    tmp_path: Path, make_rep: MakeRep, capsys: pytest.CaptureFixture[str]
) -> None:
    # Not below pytest's own folder, which is root's alone.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        as_its_owner(folder, tmp_path, make_rep)
    assert len(capsys.readouterr().err.splitlines()) == 1


def as_its_owner(folder: Path, tmp_path: Path, make_rep: MakeRep) -> None:
    fill(str(folder / "history.db"), make_rep)
    secret = tmp_path / "root.db"
    fill(str(secret), make_rep)
    for path in (folder, *folder.iterdir()):
        os.chown(path, 65_534, 65_534)
    assert backup(tmp_path / "copy", folder / "history.db") == 0
    assert restore(tmp_path / "copy", folder / "history.db", "--over") == 0
    assert {path.stat().st_uid for path in folder.iterdir()} == {65_534}
    (folder / "history.db").unlink()
    (folder / "history.db").symlink_to(secret)  # root's own, mode 0600
    assert backup(tmp_path / "stolen", folder / "history.db") == 1
    assert not (tmp_path / "stolen").exists()


def test_no_password_is_in_a_command_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "pg_dump").write_text('#!/bin/sh\necho "$@" > "$0.argv"; echo "$PGPASSWORD" > "$0.env"\n')
    (tmp_path / "pg_dump").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    postgres_copy._run("pg_dump", [], "postgresql://gym:ge%20heim@db.local/gym?sslmode=require")
    told = (tmp_path / "pg_dump.argv").read_text()
    assert "heim" not in told and "postgresql://gym@db.local/gym?sslmode=require" in told
    assert (tmp_path / "pg_dump.env").read_text() == "ge heim\n"


@pytest.mark.parametrize(
    "words, said",
    [
        (["backup", "--out", "{tmp}/there", "--no-settings", "--db", "{tmp}/history.db"], "exists already"),
        (["backup", "--out", "{tmp}/new", "--no-settings", "--db", "{tmp}/none.db"], "no such history"),
        (
            ["backup", "--out", "{tmp}/new", "--no-settings", "--db", "{tmp}/other.db"],
            "not a Plumbline history",
        ),
        (["restore", "{tmp}/there", "--db", "{tmp}/x.db"], "give the folder of a backup"),
    ],
)
def test_what_cannot_be_is_said_in_a_line_and_nothing_is_left(
    words: list[str], said: str, tmp_path: Path, make_rep: MakeRep, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(str(tmp_path / "history.db"), make_rep, 1)
    (tmp_path / "there").mkdir()
    with closing(sqlite3.connect(tmp_path / "other.db")) as db:
        db.execute("CREATE TABLE a (b)")
    before = {path.name for path in tmp_path.iterdir() if not re.search("-wal|-shm", path.name)}
    assert main([word.format(tmp=tmp_path) for word in words]) == 1
    error = capsys.readouterr().err
    assert said in error and len(error.splitlines()) == 1
    assert {path.name for path in tmp_path.iterdir() if not re.search("-wal|-shm", path.name)} == before


def test_an_archive_that_reaches_beyond_the_settings_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import hashlib  # noqa: PLC0415
    import json  # noqa: PLC0415
    import tarfile  # noqa: PLC0415

    out = tmp_path / "copy"
    settings(tmp_path / "old")
    main(["backup", "--out", str(out), "--no-history", "--root", str(tmp_path / "old")])
    evil = tmp_path / "evil"
    evil.write_text("x")
    (out / SETTINGS).unlink()
    with tarfile.open(out / SETTINGS, "w") as archive:
        archive.add(evil, "etc/plumbline/../cron.d/evil")
    manifest = json.loads((out / MANIFEST).read_text())
    manifest["files"][SETTINGS] = hashlib.sha256((out / SETTINGS).read_bytes()).hexdigest()
    (out / MANIFEST).write_text(json.dumps(manifest))
    assert main(["restore", str(out), "--root", str(tmp_path / "new")]) == 1
    assert "no setting" in capsys.readouterr().err and not (tmp_path / "new/etc/cron.d").exists()
