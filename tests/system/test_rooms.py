"""The rooms of the house: few files in each, and a map at the door."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MOST = 15  # modules a reader can keep in view
ROOMS = [
    room.parent
    for package in ("station", "kernels", "edge", "dashboard")
    for room in sorted((ROOT / package).rglob("__init__.py"))
]


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: str(room.relative_to(ROOT)))
def test_a_room_has_few_modules_and_says_what_it_is(room: Path) -> None:
    modules = {path for path in room.iterdir() if path.suffix in (".py", ".pyx")} - {room / "__init__.py"}
    assert len(modules) <= MOST, sorted(path.name for path in modules)
    assert ast.get_docstring(ast.parse((room / "__init__.py").read_text(encoding="utf-8")))
