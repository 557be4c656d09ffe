"""The scripts, as far as they can be tried without installing anything."""

import os
import shutil
import subprocess

import pytest

from marquee_server import ROOT


def script(name, *arguments, root=ROOT, **options):
    return subprocess.run([root / "script" / name, *arguments], capture_output=True, text=True, timeout=120, **options)


@pytest.fixture
def house(tmp_path):
    """A copy of the scripts with a source tree of a test's own, in a path with a space."""
    root = tmp_path / "a house"
    shutil.copytree(ROOT / "script", root / "script")
    for module in ("base", "kernels", "store", "serving", "platform", "http", "apps"):
        (root / "src" / module).mkdir(parents=True)
    return root


@pytest.mark.parametrize("file, line, verdict", [
    ("store/a.cc", '#include "http/server.h"', "src/store/a.cc:2: 'store' may not use 'http'"),
    ("kernels/simd/a.h", '#  include "apps/x.h"', "src/kernels/simd/a.h:2: 'kernels' may not use 'apps'"),
    ("serving/a.cc", '#include "platform/keys.h"', "src/serving/a.cc:2: 'serving' may not use 'platform'"),
    ("base/a_test.cc", '#include "store/x.h"', "src/base/a_test.cc:2: 'base' may not use 'store'"),
    ("base/a.cc", '#include "../store/x.h"', "src/base/a.cc:2: write the path from src/"),
    ("new/a.cc", "", "src/new/a.cc: 'new' is no module of the design"),
])
def test_an_include_that_goes_up_or_sideways_is_caught(house, file, line, verdict):
    path = house / "src" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#include "base/result.h"\n{line}\n')
    done = script("check_layers", house)
    assert done.returncode == 1 and verdict in done.stdout
    assert len(done.stdout.splitlines()) == 1


def test_includes_that_go_down_are_fine(house):
    (house / "src/apps/a.cc").write_text('#include "http/x.h"\n#include "base/x.h"\n#include "apps/b.h"\n#include <http/x>\n')
    assert script("check_layers", house).returncode == 0
    assert script("check_layers").returncode == 0, "the real house"


def test_help_comes_at_once_and_from_anywhere(house, tmp_path):
    for name in ("setup", "server", "test"):
        done = script(name, "--help", root=house, cwd=tmp_path)
        assert done.returncode == 0 and f"script/{name}" in done.stdout, done
    assert not (house / "build").exists(), "help builds nothing"


def test_unknown_options_are_refused(house):
    for name in ("setup", "test"):
        done = script(name, "--frobnicate", root=house)
        assert done.returncode != 0 and "--frobnicate" in done.stderr and "--help" in done.stderr


@pytest.fixture
def served(house):
    """The house with a program, a set-up and a package list that only say how they were called."""
    program = house / "build/release/bin/marquee"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\nprintf "%s|" "marquee in $(basename "$PWD")" "$@"; echo\n')
    program.chmod(0o755)
    (house / "build/release/build.ninja").touch()
    tools = house / "tools"
    tools.mkdir()
    for tool, text in {"cmake": "exit 0", "dpkg-query": "shift 2; for name; do echo installed $name 0; done"}.items():
        (tools / tool).write_text(f"#!/bin/sh\n{text}\n")
        (tools / tool).chmod(0o755)
    setup = house / "script/setup"
    lines = setup.read_text().splitlines(keepends=True)
    # Versions are not what this is about.
    begin = next(i for i, line in enumerate(lines) if line.startswith("build_packages=("))
    end = next(i for i in range(begin, len(lines)) if lines[i].startswith(")"))
    lines[begin:end + 1] = ["build_packages=(g++ cmake)\n"]
    setup.write_text("".join(lines))

    def run(*arguments, cwd):
        return script("server", *arguments, root=house, cwd=cwd,
                      env=os.environ | {"PATH": f"{tools}:{os.environ['PATH']}"})

    return run


def test_server_passes_its_arguments_on(served, tmp_path):
    done = served("--port", "9000", "--data", "my data", cwd=tmp_path)
    assert done.returncode == 0, done
    here = tmp_path.name
    assert done.stdout.splitlines() == [
        f"marquee in {here}|pull|smollm2-135m-instruct|--if-missing|--data|my data|",
        f"marquee in {here}|pull|all-minilm-l6-v2|--if-missing|--data|my data|",
        f"marquee in {here}|serve|--port|9000|--data|my data|",
    ], "a folder is meant from where the script was called, for both"
    done = served("--data=d", "--config", "c.toml", cwd=tmp_path)
    assert "--if-missing|--data|d|--config|c.toml|" in done.stdout
    assert "pull" not in served("--print-config", cwd=tmp_path).stdout
    assert served("--help", cwd=tmp_path).stdout.endswith(f"marquee in {here}|serve|--help|\n")
