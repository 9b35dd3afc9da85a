"""What is done while the package is built; all that it is stands in pyproject.toml.

The catalogues are compiled into the wheel, so that `pipx install` and the Debian packages speak
Spanish although a checkout holds no compiled catalogue.
"""

import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
sys.path.insert(0, str(ROOT))  # an isolated build does not look here
from gateway.locale.__main__ import catalogues, compile_  # noqa: E402


class BuildWithWords(build_py):
    """setuptools' build_py, which compiles each catalogue first."""

    def run(self) -> None:
        compile_()
        super().run()

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        """What was built, the compiled catalogues too."""
        found = super().get_outputs(include_bytecode)
        compiled = [path.with_suffix(".mo").relative_to(ROOT) for path in catalogues()]
        return sorted({*found, *(str(Path(self.build_lib, path)) for path in compiled)})


setup(cmdclass={"build_py": BuildWithWords})
