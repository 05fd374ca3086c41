"""The rooms of the house: few files in each, and a map at the door that names every one."""

import ast
import re
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
def test_a_room_has_few_modules_and_its_map_names_each_of_them(room: Path) -> None:
    modules = {path.stem for path in room.iterdir() if path.suffix in (".py", ".pyx")} - {"__init__"}
    assert len(modules) <= MOST, sorted(modules)
    headers = {path.stem for path in room.glob("*.pxd")}  # of kernels; some have no module of their own
    rooms = {f"{path.name}/" for path in room.iterdir() if path.is_dir() and any(path.rglob("*.py"))}
    text = ast.get_docstring(ast.parse((room / "__init__.py").read_text(encoding="utf-8")), clean=False)
    assert text
    named = re.findall(r"^ *(\w+/?) {2,}\S", text, re.MULTILINE)
    assert sorted(named) == sorted(modules | headers | rooms), "the docstring of __init__ is the room's map"
