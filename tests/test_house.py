"""The rules of the house that import-linter cannot state: no circles, nothing too large, no private names of others."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PRODUCT = ("engine", "tui", "themes")
MOST_LINES, MOST_METHODS, MOST_FUNCTION_LINES = 400, 40, 60

FILES = sorted(path for room in (*PRODUCT, "tests", "benchmarks") for path in (ROOT / room).rglob("*.py"))


def name_of(path: Path) -> str:
    """A file's module."""
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    return f"gpt2_remix.{name}" if path.relative_to(ROOT).parts[0] in PRODUCT else name


MODULES = {name_of(path): path for path in FILES}
TREES = {name: ast.parse(path.read_text("utf-8")) for name, path in MODULES.items()}


def imports_of(module: str) -> Iterator[tuple[str, str]]:
    """(module, name) of everything that a module imports from us, also inside functions and for type checking."""
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.ImportFrom) and node.module is not None and node.level == 0:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                if whole in MODULES:
                    yield whole, ""
                elif node.module in MODULES:
                    yield node.module, alias.name
        elif isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names if alias.name in MODULES)


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Group of modules that can each be reached from all others of the group (Tarjan 1972)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(module: str) -> None:
        index[module] = low[module] = len(index)
        stack.append(module)
        for other in graph[module]:
            if other not in index:
                visit(other)
                low[module] = min(low[module], low[other])
            elif other in stack:
                low[module] = min(low[module], index[other])
        if low[module] == index[module]:
            group = stack[stack.index(module) :]
            del stack[stack.index(module) :]
            if len(group) > 1:
                found.append(sorted(group))

    for module in graph:
        if module not in index:
            visit(module)
    return found


def test_no_files_import_each_other_in_a_circle() -> None:
    graph = {module: {other for other, _ in imports_of(module) if other != module} for module in MODULES}
    assert circles(graph) == []


def test_the_walk_finds_a_circle() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == [["b", "c"]]


@pytest.mark.parametrize("module", [name for name in MODULES if name.startswith("gpt2_remix.")])
def test_nobody_reaches_into_a_module_by_a_private_name(module: str) -> None:
    private = [f"{other}.{name}" for other, name in imports_of(module) if name.startswith("_") and name[1:2] != "_"]
    assert private == []


def test_nothing_is_too_large() -> None:
    large = []
    for module, tree in TREES.items():
        lines = MODULES[module].read_text("utf-8").count("\n")
        if lines > MOST_LINES:
            large.append(f"{module}: {lines} lines")
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                methods = sum(isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef) for part in node.body)
                if methods > MOST_METHODS:
                    large.append(f"{module}.{node.name}: {methods} methods")
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
                length = node.end_lineno - node.lineno + 1
                if length > MOST_FUNCTION_LINES:
                    large.append(f"{module}.{node.name}: {length} lines")
    assert large == []
