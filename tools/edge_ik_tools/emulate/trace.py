"""Every instruction of one solve, as the emulator executes it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from edge_ik_tools.emulate.build import Sources, build_trace
from edge_ik_tools.emulate.cores import Core
from edge_ik_tools.emulate.cycles import Executed
from edge_ik_tools.emulate.toolchain import Toolchain
from edge_ik_tools.errors import EmulationError
from firmware_host.chain import Chain, FloatArray
from firmware_host.files import OTHER_TEMPORARY, working_folder, write_bytes

# "Trace 0: 0x7f9988000100 [0080044a/00000040/00000150/ff020201] reset": the second is the
# address of the instruction.
_TRACED = re.compile(r"^Trace \d+: \S+ \[[0-9a-f]+/([0-9a-f]+)/")
# "    2c24:	vldr	s14, [pc, #892]	@ 2fa4 <arm3_solve+0x38c>"
_LISTED = re.compile(r"^ *([0-9a-f]+):\t(\S*)(?:\t([^@;\n]*))?", re.MULTILINE)


def trace_solve(
    tools: Toolchain, core: Core, sources: Sources, chain: Chain, target: FloatArray
) -> list[Executed]:
    """The instructions of one solve, from the function's first to its return.

    Args:
        tools: The compiler and the emulator.
        core: The core.
        sources: The solver.
        chain: Its robot.
        target: (3,) position [m].

    Raises:
        FirmwareBuildError: If the compiler refuses the sources.
        EmulationError: If the firmware fails or does not solve.
    """
    with working_folder() as folder:
        image = build_trace(tools, core, sources, chain, folder)
        single = np.asarray(target, dtype="<f4")
        write_bytes(folder / "targets.bin", single.tobytes(), OTHER_TEMPORARY)
        log = folder / "trace.log"
        tools.run(core, image, folder, trace=log)
        addresses = _executed(log)
        listing = {
            int(address, 16): (re.sub(r"\.[nw]$", "", mnemonic), operands.strip())
            for address, mnemonic, operands in _LISTED.findall(tools.listing(image))
        }
        entry = tools.symbols(image)[f"{sources.name}_solve"]
    return list(_between(addresses, listing, entry))


def _executed(log: Path) -> list[int]:
    """The addresses of the instructions in order."""
    addresses: list[int] = []
    with log.open(encoding="utf-8") as lines:
        for line in lines:
            found = _TRACED.match(line)
            # Where the emulator has to look after its clock, it names an instruction twice.
            if found and (not addresses or addresses[-1] != int(found[1], 16)):
                addresses.append(int(found[1], 16))
    return addresses


def _between(
    addresses: list[int], listing: dict[int, tuple[str, str]], entry: int
) -> Iterator[Executed]:
    """What was executed from the entry until control is behind the call that led there."""
    following = dict(zip(sorted(listing), sorted(listing)[1:], strict=False))
    try:
        first = addresses.index(entry)
        end = addresses.index(following[addresses[first - 1]], first)
    except (ValueError, KeyError) as error:
        raise EmulationError(
            "Expected the solver to be called once and to return. The emulator's trace has "
            "no such call."
        ) from error
    for here, then in zip(addresses[first:end], addresses[first + 1 : end + 1], strict=True):
        yield Executed(*listing[here], jumped=then != following.get(here))
