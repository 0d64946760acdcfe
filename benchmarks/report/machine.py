"""Where and with what something is measured: the processor, or a part of it, the versions, other work beside."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import tagger

_ROOT = Path(__file__).parents[2]
HELD_TO_AVX2 = {
    "OPENBLAS_CORETYPE": "Haswell",  # numpy's products
    "NPY_DISABLE_CPU_FEATURES": "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR",
    "ONEDNN_MAX_CPU_ISA": "AVX2",  # PyTorch's
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "ATEN_CPU_CAPABILITY": "avx2",
    "BLIS_ARCH_TYPE": "haswell",  # spaCy's
}
"""An environment in which a program's libraries use no more of the processor than one without AVX-512 has."""

_FIGURES = (":!benchmarks/results", ":!benchmarks/RESULTS.md")
_BUSY = 0.3  # the load of a machine that is said to be busy with something else


def describe_machine() -> str:
    """Name cores, processor, memory and system."""
    name, wide = platform.processor() or platform.machine(), ""
    facts = Path("/proc/cpuinfo")
    if facts.is_file():
        text = facts.read_text(encoding="utf-8")
        fields = dict(re.findall(r"^([\w ]+?)\s*: (.*)$", text.partition("\n\n")[0], re.MULTILINE))
        name = f"{fields.get('model name', name)} (family {fields.get('cpu family', '?')})"
        flags = fields.get("flags", "").split()
        wide = ", AVX-512" if "avx512f" in flags else ", AVX2" if "avx2" in flags else ""
    memory = ""
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        memory = f", {os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB"
    return f"{os.cpu_count()} cores of {name}{wide}{memory}, {platform.system()}"


def describe_load() -> str:
    """Say that other work shares the machine; nothing where it is idle."""
    load = os.getloadavg()[0]
    return f"other work shared the machine (load {load:.1f} at the start)" if load > _BUSY else ""


def list_versions(packages: Sequence[str]) -> dict[str, str]:
    """Return the versions of Python, of tagger with its commit, and of the packages that are installed."""
    found = {"Python": platform.python_version(), "tagger": f"{tagger.__version__}{_find_commit()}"}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def _find_commit() -> str:
    """Return the commit that is measured, `+` behind it where files were changed since; nothing outside git.

    What is measured changes figures and page, so these don't count.
    """
    try:
        commit, changed = (
            subprocess.run(
                ["git", *arguments], cwd=_ROOT, capture_output=True, text=True, check=True
            ).stdout.strip()
            for arguments in (
                ("rev-parse", "--short", "HEAD"),
                ("status", "--porcelain", "--untracked-files=no", "--", ".", *_FIGURES),
            )
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return f" ({commit}{'+' if changed else ''})"
