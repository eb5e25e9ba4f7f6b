"""A model written once more, with servos, where firmware may be made of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from edge_ik.cli.common import bold

if TYPE_CHECKING:
    from rich.console import Console

# What a model is called that was given servos after its export.
SERVOS_SUFFIX = "-servos"


class Made(NamedTuple):
    """A model that firmware is made of.

    Attributes:
        place: Where it is, or will be.
        file: Where it can be read meanwhile.
    """

    place: Path
    file: Path


def model_with(
    source: Path, servos: Path | None, out: Path | None, makes_firmware: bool, screen: Console
) -> AbstractContextManager[Made]:
    """The model that firmware is made of: as it is, or written once more with servos.

    Args:
        source: The model file.
        servos: TOML file of the servos, or None.
        out: Folder to write the model into, or None for beside it.
        makes_firmware: Whether the block writes firmware into that folder.
        screen: What is told.

    Raises:
        EdgeIkError: If the servos are not those of the robot, or nothing can be written.
    """
    if servos is None:
        return nullcontext(Made(source, source))
    return _with_servos(source, servos, out, makes_firmware, screen)


@contextmanager
def _with_servos(
    model: Path, file: Path, out: Path | None, makes_firmware: bool, screen: Console
) -> Iterator[Made]:
    """Write a model once more, with servos: beside it, or into the folder that is given.

    A folder that firmware is written into is to be empty before: there the model follows it, which
    the block makes of a draft.
    """
    from edge_ik.arms.servo_toml import read_servos_file
    from firmware_host.files import make_folder, working_folder
    from firmware_host.model_file import read_model, write_model
    from firmware_host.servos import Servos
    from firmware_host.spec import ModelSpec

    flatbuffer, record = read_model(model)
    servos = Servos(ModelSpec.from_dict(record).chain, read_servos_file(file))
    for sentence in servos.warnings():
        screen.print(sentence)
    name = f"{model.stem.removesuffix(SERVOS_SUFFIX)}{SERVOS_SUFFIX}{model.suffix}"
    place = (out or model.parent) / name

    def write(path: Path) -> None:
        make_folder(path.parent)
        write_model(path, flatbuffer, record | {"servos": servos.to_list()})

    if out is not None and makes_firmware:
        with working_folder() as temporary:
            draft = temporary / name
            write(draft)
            yield Made(place, draft)
        write(place)
    else:
        write(place)
        yield Made(place, place)
    screen.print(bold(place, "Wrote "))
