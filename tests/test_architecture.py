"""The shape of the code: imports run one way, and the plain packages know neither Dagster nor what is above them."""

import ast
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


def imports_of(path: Path) -> set[str]:
    """Absolute names of all modules that a file imports."""
    found: set[str] = set()
    package = (path.parent.relative_to(PACKAGE.parent)).parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*base, node.module) if node.module else base)
            found |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    return found


def top_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_one_way(path: Path) -> None:
    top = top_of(path)
    if top == "__init__":
        return
    own = layer_of(top)
    assert own is not None, f"{top} has no place among the layers"
    for name in imports_of(path):
        parts = name.split(".")
        if parts[0] != "clodura_pipeline" or len(parts) == 1 or parts[1] == top:
            continue
        other = layer_of(parts[1])
        sandbox_for_users = parts[1] == "sandbox" and top in ("demo", "cli", "commands")
        assert other is not None, f"{path.name} imports {name}, which has no layer"
        assert parts[1] != "sandbox" or sandbox_for_users, f"{path.name} must not know the sandbox"
        assert other < own or (other == own and parts[1] == top), f"{path.name} imports {name} from above or beside it"


@pytest.mark.parametrize(
    "path", [path for path in MODULES if top_of(path) in FORBIDDEN], ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_plain_packages_stay_plain(path: Path) -> None:
    roots = {name.split(".")[0] for name in imports_of(path)}
    if top_of(path) == "sandbox":
        roots -= {"clodura_pipeline"}  # relative imports within the sandbox; nothing else, as the test above shows
    families = FORBIDDEN[top_of(path)]
    assert not [root for root in roots if any(root == name or root.startswith(f"{name}_") for name in families)]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_module_says_in_its_first_line_what_it_holds(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
    assert docstring.splitlines()[0].strip().endswith((".", ":")) if docstring else False
