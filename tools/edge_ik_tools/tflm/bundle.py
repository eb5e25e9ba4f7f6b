"""One folder that runs a model in TensorFlow Lite Micro, solver included."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edge_ik import __version__
from edge_ik_tools.c99.source import Firmware
from edge_ik_tools.generated import write_folder
from edge_ik_tools.tflm.arena import Arena, arena_for
from edge_ik_tools.tflm.source import TflmSource
from firmware_host.model_file import read_model
from firmware_host.network.flatbuffer import read_graph
from firmware_host.network.writing import write_graph
from firmware_host.tolerances import Tolerance

# What the manifest says otherwise, or not at all.
PLACES = ("folder", "files")


@dataclass(frozen=True)
class TflmFirmware:
    """What was written.

    Attributes:
        folder: The folder.
        name: The C identifier that every public name begins with.
        files: Names of the files in it, sorted.
        format: Type of the network's numbers: int8, int16 or float32.
        operators: How often each operator occurs.
        model_bytes: Size of the network.
        model_sha256: Its hash.
        arena: The tensor arena that is reserved.
        steps: Refinement steps of a solve.
    """

    folder: Path
    name: str
    files: tuple[str, ...]
    format: str
    operators: dict[str, int]
    model_bytes: int
    model_sha256: str
    arena: Arena
    steps: int

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {**asdict(self), "folder": str(self.folder), "files": list(self.files)}


def write_tflm(
    path: Path,
    out: Path,
    name: str | None = None,
    steps: int | None = None,
    tolerance: Tolerance | None = None,
) -> TflmFirmware:
    """Write the firmware of a model file, with the same bytes every time.

    The one number that another machine may see differently is the arena's size, where the
    model file does not record it; see `arena_for`.

    Args:
        path: A `.tflite` that carries its robot.
        out: The folder to write; see `write_folder` for what it may hold.
        name: Name of the firmware; that of the robot without it.
        steps: Refinement steps, 0 to 100.
        tolerance: How near to a target counts as solved; 1 mm and 0.1 degrees without it.

    Raises:
        ModelFileError: If the file is damaged, or made of what no firmware is made for.
        ConfigError: If the name has nothing that C can use, or the steps are out of range.
        FirmwareFolderError: If the folder holds something else.
        WriteError: If it cannot be written.
    """
    firmware = Firmware.load(path, name, steps, tolerance=tolerance)
    # What was found computable, and nothing else of the file, for the library trusts its input.
    flatbuffer = write_graph(read_graph(read_model(path)[0]))
    arena = arena_for(flatbuffer, firmware.spec.provenance)
    source = TflmSource(firmware, flatbuffer, arena)
    texts = source.texts()
    result = TflmFirmware(
        folder=out,
        name=firmware.name,
        files=tuple(sorted(texts)),
        format=firmware.program.dtype.name,
        operators=source.operators,
        model_bytes=len(flatbuffer),
        model_sha256=source.sha256,
        arena=arena,
        steps=firmware.steps,
    )
    record = {key: value for key, value in result.to_dict().items() if key not in PLACES}
    write_folder(out, texts, {"firmware": "tflm", "version": __version__, **record})
    return result
