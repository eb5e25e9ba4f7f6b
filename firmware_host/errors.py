"""The errors people see: one base class, one subclass for each kind of mistake."""

from __future__ import annotations

from firmware_host.installed import install_command


class EdgeIkError(Exception):
    """Base of every error that a user can cause; its text says what to do."""


class RobotError(EdgeIkError):
    """A robot description cannot be used.

    Attributes:
        element: Name of the joint, link or file at fault, or None.
    """

    def __init__(self, message: str, element: str | None = None) -> None:
        super().__init__(message)
        self.element = element


class ConfigError(EdgeIkError):
    """A configuration value is unknown, of the wrong type or out of range."""


class RunError(EdgeIkError):
    """A run folder is missing, incomplete or belongs to something else."""


class TargetError(EdgeIkError):
    """A target has the wrong shape or is not finite."""


class MissingExtraError(EdgeIkError):
    """A command needs an optional dependency that is not installed."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the package '{package}', which is not installed. "
            f"Install it with: {install_command(extra)}"
        )
        self.package = package
        self.extra = extra


class WriteError(EdgeIkError):
    """A file or a folder cannot be written: the disk is full, read-only, or something is there.

    Attributes:
        said: What was to be written, why it was not, and what can be done.
    """

    def __init__(self, said: str, then: str = "Then run the command again.") -> None:
        super().__init__(f"{said} {then}")
        self.said = said


class ModelFileError(EdgeIkError):
    """A model file is missing, damaged, from elsewhere or made of unsupported parts."""


class RuntimeUnavailableError(EdgeIkError):
    """The runtime asked for is not installed, or does not work in this environment.

    Attributes:
        runtime: Name of the runtime asked for.
        package: The package to install.
        installed: Names of the runtimes that can be used instead.
        reason: Why this one cannot.
        wheels: Which machines the package has wheels for, or "".
    """

    def __init__(
        self,
        runtime: str,
        package: str,
        installed: tuple[str, ...],
        reason: str,
        wheels: str = "",
    ) -> None:
        where = f", which has wheels for {wheels}" if wheels else ""
        super().__init__(
            f"Runtime '{runtime}' cannot be used: {reason}. Install it with: pip install "
            f"'{package}'{where}. Runtimes that can be used here: {', '.join(installed)}."
        )
        self.runtime = runtime
        self.package = package
        self.installed = installed
        self.reason = reason
        self.wheels = wheels

    def among(self, installed: tuple[str, ...]) -> RuntimeUnavailableError:
        """The same where other runtimes can be used instead."""
        return RuntimeUnavailableError(
            self.runtime, self.package, installed, self.reason, self.wheels
        )
