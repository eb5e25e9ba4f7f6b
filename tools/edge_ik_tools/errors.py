"""What can go wrong with generated C: a tool is missing, or refuses it, or it fails when run."""

from __future__ import annotations

from firmware_host.errors import EdgeIkError


class MissingToolError(EdgeIkError):
    """A command that builds or runs firmware is not installed.

    Attributes:
        tool: The command.
        package: The Debian package that has it.
    """

    def __init__(self, tool: str, package: str) -> None:
        super().__init__(
            f"The command '{tool}' was not found. Install it, on Debian or Ubuntu with: "
            f"apt-get install {package}"
        )
        self.tool = tool
        self.package = package


class FirmwareBuildError(EdgeIkError):
    """The compiler or the linker refused the firmware, or a source file is missing."""


class EmulationError(EdgeIkError):
    """The emulated firmware failed, hung, or answered something else than was asked."""
