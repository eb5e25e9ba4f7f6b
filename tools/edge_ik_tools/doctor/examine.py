"""The whole look: this machine, packages, runtimes, commands and graphics processors."""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_ik_tools.doctor.commands import find_commands, find_gpus
from edge_ik_tools.doctor.finding import Finding
from edge_ik_tools.doctor.packages import find_packages
from edge_ik_tools.doctor.runtimes import default_finding, find_runtimes
from firmware_host.bench.machine import describe_machine
from firmware_host.progress import Tell
from firmware_host.tables import TextTable


@dataclass(frozen=True)
class Examination:
    """What was found.

    Attributes:
        machine: Python, system and processor, by name.
        packages: What is installed, by extra.
        runtimes: What solves, each tried.
        commands: What is run beside Python, and the graphics processors.
        default: A sentence on the default runtime.
    """

    machine: dict[str, str]
    packages: list[Finding]
    runtimes: list[Finding]
    commands: list[Finding]
    default: str

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        lists = {name: getattr(self, name) for name in ("packages", "runtimes", "commands")}
        return {
            "machine": self.machine,
            **{name: [one.to_dict() for one in found] for name, found in lists.items()},
            "default": self.default,
        }

    def tables(self) -> list[TextTable]:
        """The tables for people."""
        head = ("", "works", "found", "for")
        return [
            TextTable("This machine", ("", ""), list(self.machine.items())),
            TextTable("Packages", head, [_row(one) for one in self.packages]),
            TextTable("Runtimes, each tried", head, [_row(one) for one in self.runtimes]),
            TextTable("Beside Python", head, [_row(one) for one in self.commands]),
        ]

    def advice(self) -> list[str]:
        """What to install for what is missing, a line each."""
        found = [*self.packages, *self.runtimes, *self.commands]
        return [f"{one.name}: {one.advice}" for one in found if one.advice]


def examine(version: str, tell: Tell) -> Examination:
    """Look at everything.

    Args:
        version: That of edge-ik.
        tell: Is told what is being looked at.
    """
    tell("Looking at packages and commands")
    packages, commands = find_packages(), [*find_commands(), find_gpus()]
    tell("Trying each runtime; the firmware is compiled")
    runtimes = find_runtimes()
    return Examination(_machine(version), packages, runtimes, commands, default_finding(runtimes))


def _machine(version: str) -> dict[str, str]:
    found = describe_machine()
    bits = "64" if sys.maxsize > 2**32 else "32"
    return {
        "edge-ik": f"{version}, in {Path(__file__).resolve().parents[1]}",
        "Python": f"{found['python']} ({platform.python_implementation()}, {bits} bits), "
        f"{sys.executable}",
        "system": found["platform"],
        "processor": f"{found['processor']}, {found['cores']} cores",
    }


def _row(finding: Finding) -> tuple[str, str, str, str]:
    return finding.name, "yes" if finding.works else "no", finding.found, finding.purpose
