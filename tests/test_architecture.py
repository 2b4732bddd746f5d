"""Who may import whom: a module imports only from its own layer's left."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]
LAYERS = [
    {"types", "errors", "lazy"},
    {"configuration", "plugins"},
    {"media", "groundtruth", "layers"},
    {"models", "metrics"},
    {"losses"},  # share the metrics' definitions
    {"clips", "weights"},
    {"prediction", "evaluation"},
    {"training"},  # validates by the engines of prediction
    {"ablation", "render", "interop"},
    {"report"},
    {"workflows"},
    {"the front door"},  # `import avsal`, which reaches all of the above
    {"cli"},
]
VERSION = "__version__"  # the one thing of the package itself that everybody may know
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}


def imports_of(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "avsal":  # the package, or a name of it
            found |= {
                f"avsal.{a.name}" if a.name in RANK else "avsal" for a in node.names if a.name != VERSION
            }
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def part_of(module: str) -> str | None:
    if module == "avsal":
        return "the front door"
    parts = module.split(".")
    return parts[1] if parts[0] == "avsal" and len(parts) > 1 and parts[1] in RANK else None


def package_files() -> list[tuple[str, Path]]:
    files = [
        path
        for path in (ROOT / "avsal").rglob("*.py")
        if path.name != "__init__.py" or path.parent.name != "avsal"
    ]
    return [(path.relative_to(ROOT / "avsal").parts[0].removesuffix(".py"), path) for path in files]


def test_every_part_of_the_package_has_a_layer():
    assert {part for part, _ in package_files() if part not in {"__main__"}} <= set(RANK)


def test_imports_only_point_to_lower_layers_or_the_same_part():
    for part, path in package_files():
        if part == "__main__":
            continue
        for module in imports_of(path):
            other = part_of(module)
            allowed = other is None or other == part or RANK[other] < RANK[part]
            assert allowed, f"{path.relative_to(ROOT)} ({part}) must not import {module}"


def test_models_know_no_data_media_or_configuration_library():
    for part, path in package_files():
        if part in {"models", "layers"}:
            forbidden = {"hydra", "omegaconf", "av", "datasets_av"} & {
                m.split(".")[0] for m in imports_of(path)
            }
            assert not forbidden, f"{path.relative_to(ROOT)} imports {forbidden}"


def test_metrics_know_no_models():
    for part, path in package_files():
        if part in {"metrics", "losses"}:
            assert not {part_of(module) for module in imports_of(path)} & {"models", "layers", "media"}


def test_only_cli_and_train_know_hydra():
    for part, path in package_files():
        if {"hydra", "omegaconf"} & {m.split(".")[0] for m in imports_of(path)}:
            assert part in {"cli", "workflows", "training"}, f"{path.relative_to(ROOT)} imports hydra"


def test_only_cli_imports_datasets_av_and_it_imports_little_of_avsal():
    for part, path in package_files():
        if "datasets_av" in {m.split(".")[0] for m in imports_of(path)}:
            assert part in {"cli", "workflows"}, f"{path.relative_to(ROOT)} imports datasets_av"
    for path in (ROOT / "datasets_av").rglob("*.py"):
        parts = {part_of(module) for module in imports_of(path)} - {None}
        assert parts <= {"types", "errors", "media", "groundtruth", "plugins"}, (
            f"{path.relative_to(ROOT)} imports {parts}"
        )
