"""The errors people see: one base class, one subclass for each kind of mistake."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

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


class BrokenPackageError(EdgeIkError):
    """An optional dependency is installed, or something of its name is, and cannot be imported."""

    def __init__(self, package: str, purpose: str, error: Exception) -> None:
        super().__init__(
            f"{purpose} needs the package '{package}', which is here and cannot be imported: "
            f"{type(error).__name__}: {error}. Install it anew with: pip install "
            f"--force-reinstall {package}; or take away what stands before it on Python's path."
        )
        self.package = package


@contextmanager
def optional_import(
    package: str, extra: str, purpose: str, module: str | None = None
) -> Iterator[None]:
    """Import an optional dependency in the block, and nothing else.

    Args:
        package: What pip calls it.
        extra: The extra that has it.
        purpose: What needs it.
        module: What Python calls it, if that differs.

    Raises:
        MissingExtraError: If it is not installed.
        BrokenPackageError: If it cannot be imported for another reason.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and error.name == (module or package):
            raise MissingExtraError(package, extra, purpose) from error
        raise BrokenPackageError(package, purpose, error) from error


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
