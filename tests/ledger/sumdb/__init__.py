"""Lets code that is not ours (Go's `sumdb`, from Debian) check what a log serves. See main.go."""

import atexit
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import pytest


def check(vkey: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Check a folder that holds `checkpoint`, `tile/`, `proof/inclusion*`, `proof/consistency*` as served."""
    return subprocess.run([_program(), vkey, str(folder)], capture_output=True, text=True, timeout=120)


@cache
def _program() -> Path:
    go = shutil.which("go")
    if go is None:
        pytest.skip("Go is not installed here (Debian: golang-go golang-golang-x-mod-dev)")
    with tempfile.TemporaryDirectory() as build_cache:
        folder = Path(tempfile.mkdtemp())
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        environment = {
            "GO111MODULE": "off",
            "GOPATH": "/usr/share/gocode",
            "GOFLAGS": "",
            "GOCACHE": build_cache,
            "CGO_ENABLED": "0",
        }
        built = subprocess.run(
            [go, "build", "-o", folder / "sumdb", Path(__file__).parent / "main.go"],
            env=os.environ | environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
    assert built.returncode == 0, built.stderr
    return folder / "sumdb"
