"""The shape of the code: imports run one way, and the plain packages know neither Dagster nor what is above them."""

import ast
import functools
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "clodura_pipeline"
# Lowest first: a layer may import from its own and from those before it.
LAYERS = (
    ("errors", "private_files"),
    ("sandbox",),
    ("clodura",),
    ("identity",),
    ("intake",),
    ("ledger",),
    ("settings",),
    ("warehouse",),
    ("report",),
    ("enrichment",),
    ("graph",),
    ("component",),
    ("defs",),
    ("definitions",),
    ("demo", "commands"),
    ("cli",),
)
DAGSTER = ("dagster",)
HTTP = ("requests", "urllib3", "http")
DUCKDB = ("duckdb",)
# Roots of import names; every library of the same family (`dagster_duckdb`, `dagster_dg_cli`) is meant too.
FORBIDDEN = {
    "sandbox": (*DAGSTER, *DUCKDB, "requests", "urllib3", "clodura_pipeline"),
    "clodura": (*DAGSTER, *DUCKDB),
    "identity": (*DAGSTER, *HTTP),
    "intake": (*DAGSTER, *HTTP),
    "ledger": (*DAGSTER, *HTTP, *DUCKDB),
    "warehouse": (*DAGSTER, *HTTP),
    "report": (*DAGSTER, *HTTP),
    "enrichment": (*DAGSTER, *HTTP),
    "settings": (*DAGSTER, *HTTP, *DUCKDB),
    "commands": (*DAGSTER, *HTTP),
    "cli": (*DAGSTER, *HTTP, *DUCKDB),
}
MODULES = sorted(PACKAGE.rglob("*.py"))


def layer_of(name: str) -> int | None:
    return next((number for number, layer in enumerate(LAYERS) if name in layer), None)


@functools.cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@functools.cache
def imports_of(path: Path) -> set[str]:
    """Absolute names of all modules that a file imports."""
    found: set[str] = set()
    package = (path.parent.relative_to(PACKAGE.parent)).parts
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*base, node.module) if node.module else base)
            found |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    return found


def top_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def name_of(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def wrong_imports(path: Path) -> list[str]:
    """What a module imports that its layer may not."""
    top = top_of(path)
    if top == "__init__":
        return []
    own, wrong = layer_of(top), []
    if own is None:
        return [f"{name_of(path)}: {top} has no place among the layers"]
    for name in sorted(imports_of(path)):
        parts = name.split(".")
        if parts[0] != "clodura_pipeline" or len(parts) == 1 or parts[1] == top:
            continue
        other = layer_of(parts[1])
        if other is None:
            wrong.append(f"{name_of(path)} imports {name}, which has no layer")
        elif parts[1] == "sandbox" and top not in ("demo", "cli", "commands"):
            wrong.append(f"{name_of(path)} must not know the sandbox")
        elif other >= own:
            wrong.append(f"{name_of(path)} imports {name} from above or beside it")
    return wrong


def test_imports_run_one_way() -> None:
    assert [wrong for path in MODULES for wrong in wrong_imports(path)] == []


@pytest.mark.parametrize("package", FORBIDDEN)
def test_plain_packages_stay_plain(package: str) -> None:
    modules = [path for path in MODULES if top_of(path) == package]
    assert modules
    wrong = []
    for path in modules:
        roots = {name.split(".")[0] for name in imports_of(path)}
        if package == "sandbox":
            roots -= {"clodura_pipeline"}  # relative imports within the sandbox; nothing else, as the test above shows
        families = FORBIDDEN[package]
        wrong += [
            f"{name_of(path)} imports {root}"
            for root in sorted(roots)
            if any(root == name or root.startswith(f"{name}_") for name in families)
        ]
    assert wrong == []


def test_every_module_says_in_its_first_line_what_it_holds() -> None:
    first_lines = {name_of(path): (ast.get_docstring(tree_of(path)) or "").partition("\n")[0] for path in MODULES}
    assert [name for name, line in first_lines.items() if not line.strip().endswith((".", ":"))] == []
