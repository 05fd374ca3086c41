"""The compiled kernels; everything else about the package is in pyproject.toml."""

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

# Never -ffast-math: it breaks NaN and bit-identity. Never -march=native: it breaks wheels.
# -ffp-contract=off: a fused multiply-add on aarch64 would give other bits than x86-64.
# -fno-tree-slp-vectorize: two unrelated numbers of a sample packed into one register, to be taken apart
# at the next branch, cost a tenth of the speed; what is worth packing is in kernels/_taps.h.
COMPILE_ARGS = [
    "-O3",
    "-g0",
    "-ffp-contract=off",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fno-tree-slp-vectorize",
]

# One wheel for every Python from 3.11 on, asked for by cibuildwheel's configuration in pyproject.toml. Not in
# place: Python prefers a file built for itself alone, however old, to an abi3 file beside it.
ABI3 = os.environ.get("PLUMBLINE_ABI3") == "1"

extensions = [
    Extension(
        f"kernels.{path.stem}",
        [str(path)],
        depends=["kernels/_taps.h"],
        extra_compile_args=COMPILE_ARGS,
        define_macros=[("Py_LIMITED_API", "0x030B0000")] if ABI3 else [],
        py_limited_api=ABI3,
    )
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
    options={
        "build_ext": {"parallel": os.cpu_count()},
        "bdist_wheel": {"py_limited_api": "cp311"} if ABI3 else {},
    },
)
