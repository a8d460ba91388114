"""On which machine a benchmark ran: figures without it say little."""

import os
import platform
import subprocess
from pathlib import Path
from typing import Any

_SLAPD = "/usr/sbin/slapd"


def machine() -> dict[str, Any]:
    """Processor, cores, memory, versions, and how busy the machine was a minute ago; for a benchmark's JSON."""
    return {
        "cores": os.cpu_count(),
        "cpu": _cpu(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)),
        "load": round(os.getloadavg()[0], 2),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "slapd": _slapd(),
    }


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _slapd() -> str:
    said = subprocess.run([_SLAPD, "-VV"], capture_output=True, text=True, check=False)  # noqa: S603 - our own
    words = said.stderr.replace("(", " ").split()
    return next((word for word in words if word[:1].isdigit()), "unknown")
