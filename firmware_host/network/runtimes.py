"""The runtimes that can run a network: LiteRT, tflite-runtime, TFLite Micro, the reference.

Which one answered is always said. One that is asked for is never replaced by another.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import os
import struct
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from firmware_host.errors import ConfigError, ModelFileError, RuntimeUnavailableError
from firmware_host.network.checking import read_steps
from firmware_host.network.flatbuffer import Graph, read_graph
from firmware_host.network.interpreter import AnyArray, Interpreter
from firmware_host.network.reference import ReferenceInterpreter
from firmware_host.network.writing import write_graph

# Rows that LiteRT takes at once: its speed per row grows no more beyond this.
MAX_BATCH = 1024
# TFLite Micro needs about 3 KB for small networks; this is a host.
ARENA_BYTES = 1 << 20
# What LiteRT writes to stderr whenever it is created, through no logger.
BANNER = b"INFO: "


@dataclass(frozen=True)
class Runtime:
    """Where a runtime comes from.

    Attributes:
        package: Name of the distribution that pip installs.
        module: Module with the `Interpreter` class.
        wheels: Which machines it has wheels for.
    """

    package: str
    module: str
    wheels: str


RUNTIMES: Mapping[str, Runtime] = {
    "litert": Runtime(
        "ai-edge-litert",
        "ai_edge_litert.interpreter",
        "Python 3.11 to 3.14 on Linux with glibc (x86-64, 64-bit Arm), macOS (Apple silicon) and "
        "Windows (x86-64)",
    ),
    "tflite-runtime": Runtime(
        "tflite-runtime", "tflite_runtime.interpreter", "Python 3.11 on Linux, to use with NumPy 1"
    ),
    "tflite-micro": Runtime(
        "tflite-micro", "tflite_micro.python.tflite_micro.runtime", "Linux on x86-64"
    ),
    "reference": Runtime("numpy", "numpy", "all"),
}
# Unless one is asked for, the first of these that is installed answers, and says so. LiteRT has
# no wheels for 32-bit systems, musl and new Pythons; the reference is everywhere.
DEFAULT_RUNTIMES = ("litert", "tflite-runtime", "reference")


def available_runtimes() -> tuple[str, ...]:
    """Names of the runtimes that are installed and fit the installed NumPy."""
    return tuple(name for name in RUNTIMES if _obstacle(name) is None)


def default_runtime() -> str:
    """Name of the runtime that answers where none is asked for."""
    return next(name for name in DEFAULT_RUNTIMES if _obstacle(name) is None)


def is_runtime(name: Any) -> bool:
    """Whether this is the name of a runtime, installed or not."""
    return isinstance(name, str) and name in RUNTIMES


def open_interpreter(
    flatbuffer: bytes, runtime: str | None = None, *, threads: int = 1
) -> Interpreter:
    """Load a network into a runtime.

    Args:
        flatbuffer: A TFLite model with one input (1, n_in) and one output (1, n_out),
            both int8, int16 or float32. From a file, take what `read_model` returns:
            its hash is checked.
        runtime: "litert", "tflite-runtime", "tflite-micro" or "reference"; None means
            the first of `DEFAULT_RUNTIMES` that is installed, mostly "litert".
        threads: Threads for "litert" and "tflite-runtime"; the others use one.

    Returns:
        The loaded network. Threads may share it, and it can be pickled.

    Raises:
        ConfigError: If the runtime is unknown or threads is below 1.
        RuntimeUnavailableError: If the runtime is not installed or does not work here.
        ModelFileError: If the model is damaged or the runtime refuses it.
    """
    name = default_runtime() if runtime is None else runtime
    if not is_runtime(name):
        raise ConfigError(
            f"Unknown runtime. Expected one of {', '.join(RUNTIMES)}. Received: runtime={name!r}"
        )
    if threads < 1:
        raise ConfigError(f"Expected at least one thread. Received: threads={threads}")
    obstacle = _obstacle(name)
    if obstacle is not None:
        raise _unavailable(name, obstacle)
    graph = read_graph(flatbuffer)
    opened = partial(open_interpreter, flatbuffer, name, threads=threads)
    if name == "reference":
        return _Reference(flatbuffer, graph, opened)
    try:
        module = importlib.import_module(RUNTIMES[name].module)
    except (ImportError, OSError, AttributeError) as error:
        raise _unavailable(name, f"importing it fails with '{error}'") from error
    # A native runtime may take the process down over a damaged model: it gets none of the file.
    read_steps(graph, litert=name != "tflite-micro")
    if name == "tflite-micro":
        return _TfliteMicro(write_graph(graph), graph, opened, module)
    return _LiteRt(write_graph(graph), graph, opened, module, name, threads)


class _Opened(Interpreter):
    """An interpreter that is opened anew where it is unpickled or copied.

    Attributes:
        local: What each thread has for itself.
    """

    def __init__(self, runtime: str, graph: Graph, opened: partial[Interpreter]) -> None:
        super().__init__(runtime, graph)
        self.local = threading.local()
        self._opened = opened

    def __reduce__(self) -> tuple[Any, ...]:
        return self._opened, ()


class _Reference(_Opened):
    """The NumPy reference."""

    def __init__(self, flatbuffer: bytes, graph: Graph, opened: partial[Interpreter]) -> None:
        super().__init__(f"reference (NumPy {np.__version__})", graph, opened)
        self._native = ReferenceInterpreter(flatbuffer)

    def _network(self, q: AnyArray) -> AnyArray:
        return self._native.run(q)


class _TfliteMicro(_Opened):
    """TFLite Micro, whose batch is always 1."""

    def __init__(
        self, flatbuffer: bytes, graph: Graph, opened: partial[Interpreter], module: Any
    ) -> None:
        super().__init__(_named("tflite-micro"), graph, opened)
        self._flatbuffer, self._module = flatbuffer, module
        self.local.native = self._allocated()

    def _allocated(self) -> Any:
        """A native interpreter."""
        try:
            return self._module.Interpreter.from_bytes(self._flatbuffer, arena_size=ARENA_BYTES)
        except (RuntimeError, ValueError, TypeError, struct.error) as error:
            raise ModelFileError(f"{self.runtime} refuses the model: {error}.") from error

    def _network(self, q: AnyArray) -> AnyArray:
        outputs = np.empty((len(q), self.output_shape[1]), self.dtype)
        if not hasattr(self.local, "native"):
            self.local.native = self._allocated()
        native = self.local.native
        try:
            for row in range(len(q)):
                native.set_input(q[row : row + 1], 0)
                native.invoke()
                outputs[row] = native.get_output(0)[0]
        except (RuntimeError, ValueError) as error:
            raise ModelFileError(f"{self.runtime} fails: {error}.") from error
        return outputs


class _LiteRt(_Opened):
    """LiteRT, or tflite-runtime, which has the same interface."""

    def __init__(
        self,
        flatbuffer: bytes,
        graph: Graph,
        opened: partial[Interpreter],
        module: Any,
        name: str,
        threads: int,
    ) -> None:
        super().__init__(_named(name), graph, opened)
        self._flatbuffer = flatbuffer
        self._class = module.Interpreter
        self._threads = threads
        self._sized(1)

    def _sized(self, rows: int) -> tuple[Any, int, int]:
        """This thread's `_allocated` for batches of `rows`."""
        sizes: dict[int, tuple[Any, int, int]] = self.local.__dict__.setdefault("sizes", {})
        if rows not in sizes:
            sizes[rows] = self._allocated(rows)
        return sizes[rows]

    def _allocated(self, rows: int) -> tuple[Any, int, int]:
        """A native interpreter for batches of `rows`, and the indices of its tensors."""
        try:
            with _without_banner():
                native = self._class(model_content=self._flatbuffer, num_threads=self._threads)
                source = native.get_input_details()[0]["index"]
                if rows > 1:
                    native.resize_tensor_input(source, [rows, self._n_in])
                native.allocate_tensors()
            return native, source, native.get_output_details()[0]["index"]
        except (RuntimeError, ValueError, SystemError) as error:
            raise ModelFileError(f"{self.runtime} refuses the model: {error}.") from error

    def _network(self, q: AnyArray) -> AnyArray:
        try:
            if len(q) == 1:
                # The measured minimum: views of the tensors cost more than these copies.
                native, source, result = self._sized(1)
                native.set_tensor(source, q)
                native.invoke()
                outputs: AnyArray = native.get_tensor(result)
                return outputs
            return self._batch(q)
        except (RuntimeError, ValueError) as error:
            raise ModelFileError(f"{self.runtime} fails: {error}.") from error

    def _batch(self, q: AnyArray) -> AnyArray:
        """Chunks of `MAX_BATCH`; the last is filled up to the next power of two."""
        outputs = np.empty((len(q), self.output_shape[1]), self.dtype)
        for start in range(0, len(q), MAX_BATCH):
            chunk = q[start : start + MAX_BATCH]
            rows = 1 << (len(chunk) - 1).bit_length()
            native, source, result = self._sized(rows)
            if rows > len(chunk):
                filler = np.zeros((rows - len(chunk), self._n_in), self.dtype)
                native.set_tensor(source, np.concatenate([chunk, filler]))
            else:
                native.set_tensor(source, chunk)
            native.invoke()
            outputs[start : start + len(chunk)] = native.get_tensor(result)[: len(chunk)]
        return outputs


def _obstacle(name: str) -> str | None:
    """Why a runtime cannot be used, or None."""
    package = RUNTIMES[name].module.partition(".")[0]
    if importlib.util.find_spec(package) is None:
        return "it is not installed"
    if name == "tflite-runtime" and int(np.__version__.partition(".")[0]) >= 2:
        return f"it needs NumPy 1, and NumPy {np.__version__} is installed"
    return None


def _named(name: str) -> str:
    """Name and version of an installed runtime."""
    try:
        return f"{name} {importlib.metadata.version(RUNTIMES[name].package)}"
    except importlib.metadata.PackageNotFoundError:
        return f"{name} of unknown version"


def _unavailable(name: str, reason: str) -> RuntimeUnavailableError:
    runtime = RUNTIMES[name]
    return RuntimeUnavailableError(
        name, runtime.package, available_runtimes(), reason, runtime.wheels
    )


@contextmanager
def _without_banner() -> Iterator[None]:
    """Drop what the native library announces on stderr; anything else is passed on."""
    try:
        stderr = os.dup(2)
    except OSError:  # No stderr, so nothing to keep quiet.
        yield
        return
    try:
        file = tempfile.TemporaryFile()  # noqa: SIM115 - closed below
    except OSError:  # No room to keep it.
        os.close(stderr)
        yield
        return
    with file as log:
        os.dup2(log.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            log.seek(0)
            for line in log:
                if not line.startswith(BANNER):
                    os.write(2, line)
