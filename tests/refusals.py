"""`python -m tests.refusals`: every text that refuses something, on one page, to be read as a user would.

By place: what is raised for a person to read, wrong usage, what the doctor fails or warns of. What stands in
‹› is filled in.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]


def texts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and text of each refusal in a module."""
    for node in ast.walk(tree):
        match node:
            case ast.Raise(exc=ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[said, *_])):
                if name.endswith("Error") and name not in ("NotImplementedError", "ArgumentTypeError"):
                    yield node.lineno, said_of(said)
            case ast.Call(func=ast.Attribute(attr="error"), args=[said]):
                yield node.lineno, said_of(said)
            case ast.Call(func=ast.Name(id="Finding"), args=[_, check, status, seen, *todo]):
                if "ok" not in ast.unparse(status):
                    parts = [said_of(part) for part in (check, seen, *todo)]
                    yield node.lineno, " | ".join(parts)


def said_of(node: ast.expr) -> str:
    """The words of an expression that makes a text."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(said_of(value) for value in values)
        case ast.FormattedValue(value=value):
            return f"‹{ast.unparse(value)}›"
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return said_of(left) + said_of(right)
        case ast.IfExp(body=body, orelse=other):
            return f"{said_of(body)} / {said_of(other)}"
        case _:
            return f"‹{ast.unparse(node)}›"


def main() -> None:
    """Print the page."""
    for package in ("station", "edge", "dashboard"):
        for path in sorted((ROOT / package).rglob("*.py")):
            found = sorted(texts(ast.parse(path.read_text(encoding="utf-8"))))
            if found:
                print(f"\n{path.relative_to(ROOT)}")
                for line, said in found:
                    print(f"{line:5} {' '.join(said.split())}")


if __name__ == "__main__":
    main()
