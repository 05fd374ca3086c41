import subprocess
import sys

STARTED = """
import sys
import dashboard.record.command
from dashboard.record.store import open_store
open_store(sys.argv[1]).close()
needless = {"_hashlib", "_ssl", "alembic", "asyncio", "http.client", "importlib.metadata"}
print(*needless & {*sys.modules})
import asyncio.locks, importlib.metadata, sqlalchemy.util.compat, ssl
print(isinstance(asyncio.Lock(), asyncio.locks.Lock), sqlalchemy.util.compat.asyncio.Lock is asyncio.Lock)
print(ssl.create_default_context().check_hostname, importlib.metadata.version("sqlalchemy") is not None)
"""


def test_what_a_record_has_no_use_for_is_loaded_when_it_is_asked_for_and_works_as_ever(tmp_path):
    command = [sys.executable, "-c", STARTED, tmp_path / "history.db"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert said.stdout.splitlines() == ["", "True True", "True True"], said.stderr
