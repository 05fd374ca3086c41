"""The compiled kernels; everything else about the package is in pyproject.toml."""

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

# Never -ffast-math: it breaks NaN and bit-identity. Never -march=native: it breaks wheels.
# -ffp-contract=off: a fused multiply-add on aarch64 would give other bits than x86-64.
COMPILE_ARGS = ["-O3", "-g0", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math"]

extensions = [
    Extension(f"kernels.{path.stem}", [str(path)], extra_compile_args=COMPILE_ARGS)
    for path in sorted(Path("kernels").glob("_*.pyx"))
]

setup(
    ext_modules=cythonize(
        extensions,
        language_level=3,
        compiler_directives={
            "boundscheck": False,
            "wraparound": False,
            "cdivision": True,
            "initializedcheck": False,
            "freethreading_compatible": False,
        },
    ),
    options={"build_ext": {"parallel": os.cpu_count()}},
)
