"""Everything that a model file holds, read without running it."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from firmware_host.joints import PRISMATIC
from firmware_host.model_file import read_model
from firmware_host.network.flatbuffer import Graph, Tensor, read_graph
from firmware_host.servo import MICROSECONDS
from firmware_host.servos import Servos
from firmware_host.spec import ModelSpec, mean_heads
from firmware_host.tables import TextRow, TextTable, joint_value, percent
from firmware_host.workspace import Workspace


def inspect_model(path: str | Path) -> dict[str, Any]:
    """What a model file says of itself; needs no TFLite runtime.

    Args:
        path: A `.tflite` that carries its robot.

    Returns:
        JSON-ready values under "file", "task", "target", "branches", "robot", "home",
        "normalization", "workspace", "network" and "provenance"; of a network of several
        heads also "mean_heads", how many lead to a target, and with servos "servos", with what
        they do not reach. Metres and radians.

    Raises:
        ModelFileError: If the file is damaged, of another version, or no edge-ik model.
    """
    flatbuffer, record = read_model(path)
    spec = ModelSpec.from_dict(record)
    several = {"mean_heads": mean_heads(spec.branches)} if spec.heads > 1 else {}
    workspace = Workspace.from_dict(record["workspace"])
    return {
        "file": {
            "name": Path(path).name,
            "bytes": Path(path).stat().st_size,
            "flatbuffer_bytes": len(flatbuffer),
            "flatbuffer_sha256": hashlib.sha256(flatbuffer).hexdigest(),
        },
        "task": spec.task.name,
        "target": spec.task.describe(),
        "branches": [asdict(branch) for branch in spec.branches],
        **several,
        "robot": {
            **spec.chain.to_dict(),
            "joint_names": list(spec.chain.joint_names),
            "units": list(spec.chain.units),
            "reach": spec.chain.reach,
        },
        "home": list(spec.home),
        **({} if spec.servos is None else {"servos": _servos(spec.servos)}),
        "normalization": {
            "features": list(spec.problem.feature_names),
            **spec.normalization.to_dict(),
        },
        "workspace": {
            **workspace.to_dict(),
            "cells_share": float(workspace.cells.mean()),
            "sectors_share": float(workspace.sectors.mean()),
        },
        "network": inspect_network(read_graph(flatbuffer)),
        "provenance": dict(spec.provenance),
    }


def inspect_network(graph: Graph) -> dict[str, Any]:
    """The network's operators, types and sizes as JSON-ready values.

    Args:
        graph: As `read_graph` gives it.

    Returns:
        "parameters" counts the constants that operators use; "tensors" has a count a
        type; "inputs" and "outputs" have real = scale * (q - zero_point).
    """
    used = {index for operator in graph.operators for index in operator.inputs if index >= 0}
    constants = [data for index in sorted(used) if (data := graph.tensors[index].data) is not None]
    return {
        "parameters": sum(data.size for data in constants),
        "parameter_bytes": sum(data.nbytes for data in constants),
        "operators": _counted(operator.name for operator in graph.operators),
        "tensors": _counted(tensor.dtype.name for tensor in graph.tensors),
        "inputs": [_described(graph.tensors[index]) for index in graph.inputs],
        "outputs": [_described(graph.tensors[index]) for index in graph.outputs],
    }


def inspection_tables(values: Mapping[str, Any]) -> list[TextTable]:
    """What `inspect_model` returns as text: millimetres and degrees.

    Args:
        values: The result of `inspect_model`.

    Returns:
        The model, the robot's joints, the features, and where the model comes from; of what
        was measured, single figures alone.
    """
    file, robot, network = values["file"], values["robot"], values["network"]
    model: list[TextRow] = [
        ("task", f"{values['task']}: {values['target']}"),
        ("robot", f"{robot['name']}, {robot['base']} to {robot['tip']}"),
        ("reach", f"{robot['reach']:.3f} m"),
        ("tool", _millimetres(row[3] for row in robot["tool"][:3]) + " mm from the last joint"),
        ("trained in", _workspace_text(values["workspace"])),
        ("parameters", f"{network['parameters']:,} in {network['parameter_bytes']:,} bytes"),
        ("operators", _listed(network["operators"])),
        ("tensors", _listed(network["tensors"])),
        *((f"input {part['name']}", _tensor_text(part)) for part in network["inputs"]),
        *((f"output {part['name']}", _tensor_text(part)) for part in network["outputs"]),
        ("file", f"{file['bytes']:,} bytes, of them the network {file['flatbuffer_bytes']:,}"),
        ("network's SHA-256", file["flatbuffer_sha256"]),
    ]
    home = dict(zip(robot["joint_names"], values["home"], strict=True))
    joints = [_joint_row(joint, home) for joint in [*robot["joints"], *robot["beside"]]]
    statistics = values["normalization"]
    features: list[TextRow] = [
        (name, f"{mean:.6g}", f"{std:.6g}")
        for name, mean, std in zip(
            statistics["features"], statistics["mean"], statistics["std"], strict=True
        )
    ]
    head = ("joint", "kind", "lower", "upper", "home", "axis", "offset mm")
    return [
        TextTable(file["name"], ("", ""), model),
        TextTable("Joints", head, joints),
        *([branch_table(values["branches"])] if len(values["branches"]) > 1 else []),
        *([servo_table(values["servos"])] if "servos" in values else []),
        TextTable("Features", ("feature", "mean", "std"), features),
        TextTable("Provenance", ("", ""), _flattened(_in_short(values["provenance"]))),
    ]


def _in_short(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """A model's provenance without the tables of figures among what was measured."""
    return {
        name: {key: part for key, part in value.items() if not isinstance(part, Mapping)}
        if name == "metrics"
        else value
        for name, value in provenance.items()
    }


def branch_table(branches: Sequence[Mapping[str, Any]]) -> TextTable:
    """What each head answers, as text; see `firmware_host.spec.Branch`."""
    rows: list[TextRow] = [
        (str(number), branch["name"], percent(branch["wins"]), percent(branch["reaches"]))
        for number, branch in enumerate(branches)
    ]
    mean = sum(branch["reaches"] for branch in branches)
    title = f"Branches: {mean:.2f} of {len(branches)} reach a target on average"
    return TextTable(title, ("", "name", "joint space %", "targets reached %"), rows)


def _servos(servos: Servos) -> list[dict[str, Any]]:
    """Each servo, and what follows from it."""
    beyond = servos.out_of_reach().tolist()
    return [
        {
            **servo.to_dict(),
            "at_joint_zero": servo.at_zero,
            "reaches": list(servo.reach),
            "out_of_reach": out,
        }
        for servo, out in zip(servos.each, beyond, strict=True)
    ]


def servo_table(servos: Sequence[Mapping[str, Any]]) -> TextTable:
    """The servos that `inspect_model` tells as text: millimetres and degrees."""
    rows: list[TextRow] = []
    for servo in servos:
        slide, unit = servo["mm_per_turn"], servo["unit"]
        kind = "PWM" if unit == MICROSECONDS else "bus"
        geared = f"{servo['direction'] * servo['gear_ratio']:+g}"
        word, scale = ("deg", 180 / math.pi) if slide is None else ("mm", 1e3)
        first, last = (scale * end for end in servo["reaches"])
        short = [f"{scale * part:.3g} {word}" if part else "-" for part in servo["out_of_reach"]]
        rows.append(
            (
                servo["joint"],
                f"{kind} {servo['model']}".rstrip(),
                f"{servo['least']} to {servo['most']} {unit}",
                f"{servo['at_joint_zero']:g} {unit}",
                geared if slide is None else f"{geared}, {slide:g} mm each",
                f"{first:.1f} to {last:.1f} {word}",
                "-" if short == ["-", "-"] else " below, ".join(short) + " above",
            )
        )
    head = ("joint", "servo", "range", "at joint 0", "turns per turn", "reaches", "out of reach")
    return TextTable("Servos", head, rows)


def _joint_row(joint: Mapping[str, Any], home: Mapping[str, float]) -> TextRow:
    """One joint; of one that follows another, what it follows in place of its home."""
    unit = "m" if joint["kind"] == PRISMATIC else "rad"
    if joint["mimic"]:
        leader, multiplier, offset = joint["mimic"]
        place = f"{multiplier:g} {leader}" + (f" {offset:+g} {unit}" if offset else "")
    else:
        place = joint_value(home[joint["name"]], unit)
    return (
        joint["name"],
        joint["kind"],
        joint_value(joint["lower"], unit),
        joint_value(joint["upper"], unit),
        place,
        " ".join(f"{part:g}" for part in joint["axis"]),
        _millimetres(row[3] for row in joint["origin"][:3]),
    )


def _described(tensor: Tensor) -> dict[str, Any]:
    quantization = tensor.quantization
    return {
        "name": tensor.name,
        "shape": list(tensor.shape),
        "dtype": tensor.dtype.name,
        "scale": None if quantization is None else quantization.scale.tolist(),
        "zero_point": None if quantization is None else quantization.zero_point.tolist(),
    }


def _counted(names: Any) -> dict[str, int]:
    return dict(Counter(names).most_common())


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def _tensor_text(part: Mapping[str, Any]) -> str:
    text = f"{part['dtype']} ({', '.join(map(str, part['shape']))})"
    if part["scale"] is None:
        return text
    scales = ", ".join(f"{scale:.9g}" for scale in part["scale"])
    return f"{text}, scale {scales}, zero point {', '.join(map(str, part['zero_point']))}"


def _millimetres(offset: Any) -> str:
    return ", ".join(f"{1e3 * part:g}" for part in offset)


def _flattened(values: Any, name: str = "") -> list[TextRow]:
    """Nested values as rows of a dotted name and a text."""
    if isinstance(values, Mapping):
        rows = []
        for key, value in values.items():
            rows += _flattened(value, f"{name}.{key}" if name else str(key))
        return rows
    if isinstance(values, Sequence) and not isinstance(values, str):
        return [(name, ", ".join(map(_plain, values)))]
    return [(name, _plain(values))]


def _workspace_text(workspace: Mapping[str, Any]) -> str:
    return (
        f"{100 * workspace['cells_share']:.1f}% of cells of {1e3 * workspace['cell']:.1f} mm, "
        f"{100 * workspace['sectors_share']:.1f}% of directions"
    )


def _plain(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
