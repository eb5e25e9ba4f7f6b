"""Surfaces out of the files that draw a link, read by trimesh."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edge_ik_tools.view.bodies import Surface
from firmware_host.chain import FloatArray
from firmware_host.errors import EdgeIkError, MissingExtraError

# What trimesh reads; Collada through pycollada.
SUFFIXES = (".dae", ".glb", ".gltf", ".obj", ".off", ".ply", ".stl")


class MeshError(EdgeIkError):
    """A file that draws nothing, and why, as the end of a sentence."""


def read_surfaces(
    path: Path, T_body_mesh: FloatArray, color: tuple[float, float, float] | None = None
) -> list[Surface]:
    """What a file draws of a body, in its frame.

    A file that says its unit, as Collada does, is taken in metres. Its axes are those of the
    link, whatever it says is up, as RViz takes them.

    Args:
        path: The file.
        T_body_mesh: (4, 4) from its frame to the body's, scaling included [m].
        color: Red, green, blue in 0 to 1; None for the file's own.

    Raises:
        MeshError: If nothing can be drawn of it.
        MissingExtraError: If trimesh is not installed.
    """
    try:
        import trimesh
    except ImportError as error:
        raise MissingExtraError("trimesh", "view", "Drawing meshes") from error
    if path.suffix.lower() not in SUFFIXES:
        raise MeshError(f"only {', '.join(SUFFIXES)} are read")
    try:
        read = trimesh.load(path)
        parts = read.dump() if isinstance(read, trimesh.Scene) else [read]
    except ImportError as error:
        raise MeshError(f"{error}; it comes with edge-ik[view]") from error
    except Exception as error:  # Readers of damaged files raise what they like.
        why = " ".join(f"{type(error).__name__}: {error}".split())
        raise MeshError(f"it cannot be read ({why})") from error
    found = []
    for part in parts:
        if not isinstance(part, trimesh.Trimesh) or not len(part.faces):
            continue
        if not np.isfinite(part.vertices).all():
            raise MeshError("it has places that are no numbers")
        unit = trimesh.units.unit_conversion(part.units, "meters") if part.units else 1.0
        part.apply_transform(T_body_mesh @ np.diag([unit, unit, unit, 1.0]))
        own = color or _color(part)
        found.append(Surface(path, np.asarray(part.vertices), np.asarray(part.faces), own))
    if not found:
        raise MeshError("it has no surface")
    return found


def _color(part: object) -> tuple[float, float, float] | None:
    """The colour that a file gives a part, None if it gives it none."""
    visual = getattr(part, "visual", None)
    if visual is None or not visual.defined:
        return None
    paint = getattr(visual, "material", visual)
    red, green, blue = np.asarray(paint.main_color)[:3] / 255.0
    return float(red), float(green), float(blue)
