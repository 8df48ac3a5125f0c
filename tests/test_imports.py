"""Arrows point inward: interface -> application | projections -> domain, and the domain is pure."""

import shutil
import subprocess
import sys
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[1]
PACKAGES = ("domain", "application", "projections", "interface")


def lint_imports(directory: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"],
        cwd=directory,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )


def test_the_contracts_of_the_project_are_kept() -> None:
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout


def test_each_arrow_that_points_outward_is_noticed(tmp_path: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for package in PACKAGES:
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
    wrong = {
        "domain": ("application", "projections", "interface", "psycopg", "eventsourcing"),
        "application": ("projections", "interface", "flask", "click"),
        "projections": ("application", "interface", "marshmallow"),
    }
    for package, imports in wrong.items():
        for imported in imports:
            source = tmp_path / package / f"wrong_{imported}.py"
            source.write_text(f"import {imported}\n")

    done = lint_imports(tmp_path)
    assert done.returncode == 1
    for package, imports in wrong.items():
        for imported in imports:
            assert f"{package}.wrong_{imported} -> {imported}" in done.stdout, done.stdout


def test_the_domain_imports_nothing_but_the_standard_library_and_msgspec() -> None:
    graph = grimp.build_graph("domain", include_external_packages=True, cache_dir=None)
    allowed = sys.stdlib_module_names | {"msgspec", "domain"}
    imported = {
        name.split(".")[0]
        for module in graph.modules
        if module.split(".")[0] == "domain"
        for name in graph.find_modules_directly_imported_by(module)
    }
    assert imported <= allowed, imported - allowed
    assert "msgspec" in imported
    # It reads no clock, draws no random number and touches no file: they are arguments.
    assert not imported & {"io", "os", "pathlib", "random", "secrets", "socket", "time"}
