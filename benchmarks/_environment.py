"""A throw-away virtual environment for released packages, with this project and the torch that runs here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[1]


class Environment:
    """A virtual environment in ``folder``; made when it is not there yet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
        if not self.python.exists():
            print(f"making {folder}", file=sys.stderr, flush=True)
            venv.create(folder, with_pip=True)
            self.install([f"torch=={version('torch').partition('+')[0]}", "numpy"])
            self.install(["-e", str(ROOT), "pytest", "rich"])

    def install(self, requirements: Sequence[str], *options: str) -> None:
        """Install packages beside the torch that is there, which stays."""
        print(f"installing {' '.join(requirements)}", file=sys.stderr, flush=True)
        pins = self.folder / "pins.txt"
        pins.write_text(f"torch=={version('torch').partition('+')[0]}\n")
        command = [self.python, "-m", "pip", "install", "--quiet", "-c", pins]
        subprocess.run([*command, *options, *requirements], check=True)

    def source(self, requirement: str) -> Path:
        """Return the folder of a package's source distribution, unpacked."""
        name = requirement.partition("==")[0]
        there = self.folder / "sources" / name
        if not there.exists():
            with tempfile.TemporaryDirectory() as fetched:
                command = [self.python, "-m", "pip", "download", "--quiet", "--no-deps"]
                only = ["--no-binary", name, "--no-build-isolation", "-d", fetched]
                self.install(["setuptools", "wheel", "setuptools_scm", "hatchling"])
                subprocess.run([*command, *only, requirement], check=True)
                (archive,) = Path(fetched).glob("*.tar.gz")
                with tarfile.open(archive) as opened:
                    opened.extractall(there, filter="data")
        (unpacked,) = there.iterdir()
        return unpacked


@contextmanager
def environment(folder: Path | None) -> Iterator[Environment]:
    """Use ``folder`` and keep it; without one, a temporary one that is removed."""
    if folder is not None:
        yield Environment(folder.resolve())
        return
    temporary = Path(tempfile.mkdtemp(prefix="packages-"))
    try:
        yield Environment(temporary / "env")
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
