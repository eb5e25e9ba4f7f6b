"""What generated firmware takes on an emulated Cortex-M4, as its header says it."""

from __future__ import annotations

from edge_ik_tools.c99.folder import write_sources
from edge_ik_tools.c99.source import NOT_COUNTED, Firmware
from edge_ik_tools.emulate.bench import emulated_bench
from edge_ik_tools.errors import MissingToolError
from firmware_host.files import working_folder
from firmware_host.progress import Tell, untold

COUNTED_CORE = "cortex-m4"
COUNTED_TARGETS = 1_000


def firmware_counts(firmware: Firmware, must: bool, tell: Tell = untold) -> str:
    """The firmware's instructions, stack and flash in a sentence.

    Args:
        firmware: The model, ready to be printed.
        must: Whether a tool that is not installed is an error; the sentence says otherwise
            that nothing was counted.
        tell: Called with a line of progress.

    Raises:
        MissingToolError: If `must` is true and a tool is not installed.
        FirmwareBuildError: If the compiler refuses the firmware.
        EmulationError: If the firmware fails.
    """
    with working_folder() as folder:
        write_sources(firmware, folder)
        try:
            found = emulated_bench(
                folder, firmware.name, firmware.path, COUNTED_CORE, COUNTED_TARGETS, tell=tell
            )
        except MissingToolError as error:
            if must:
                raise
            tell(f"Instructions are not counted: {error}")
            return NOT_COUNTED
    compiler = found.machine["compiler"]
    several = found.tried_max > 1
    usual = f", {found.total.median:,.0f} at the median" if several else ""
    tries = f" of {found.tried_max} seeds" if several else ""
    return (
        f"On a Cortex-M4F, at most over {COUNTED_TARGETS:,} targets: {found.total.max:,} "
        f"instructions a solve{usual} (network {found.network.max:,}, refinement{tries} "
        f"{found.refine.max:,}), {found.stack_bytes:,} bytes of stack; {found.flash_bytes:,} "
        f"bytes of flash, {found.ram_bytes:,} of static RAM. Counted under emulation, "
        f"{compiler}, -O2 -ffp-contract=fast."
    )
