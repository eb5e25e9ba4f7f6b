"""All pictures of a report, by what they are of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge_ik_tools.report.drawing import charts, compare, costs, paths, space
from edge_ik_tools.report.drawing.pictures import Picture
from edge_ik_tools.report.measuring.elsewhere import Elsewhere
from edge_ik_tools.report.measuring.record import Record


@dataclass(frozen=True, eq=False)
class Album:
    """The pictures of one model.

    Attributes:
        workspace: The robot in its workspace, and cuts through that.
        errors: How far answers are off, and joint by joint.
        rounding: Floats against integers, if both are there.
        branches: Which branch answers where, if there are several.
        worst: The worst targets.
        path: A path in space, and along it.
        training: Its curves, if there are some.
    """

    workspace: tuple[Picture, ...]
    errors: tuple[Picture, ...]
    rounding: tuple[Picture, ...]
    branches: tuple[Picture, ...]
    worst: tuple[Picture, ...]
    path: tuple[Picture, ...]
    training: tuple[Picture, ...]

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """All of them, in the order of the page."""
        parts = (self.workspace, self.errors, self.rounding, self.branches)
        return tuple(
            picture for part in (*parts, self.worst, self.path, self.training) for picture in part
        )


def album(record: Record) -> Album:
    """The pictures of a record."""
    workspace = record.workspace
    rounding, branches, training = record.rounding, record.branches, record.training
    return Album(
        workspace=(space.workspace_picture(workspace), space.cuts_picture(workspace)),
        errors=(charts.errors_picture(record.errors), charts.joints_picture(record.errors)),
        rounding=() if isinstance(rounding, str) else (charts.rounding_picture(rounding),),
        branches=()
        if branches is None
        else (space.branches_map(branches), charts.branches_picture(branches)),
        worst=(space.worst_picture(workspace.robot, record.worst),),
        path=paths.path_picture(record.path),
        training=() if isinstance(training, str) else (charts.training_picture(training),),
    )


def common_pictures(records: Sequence[Record], elsewhere: Elsewhere) -> tuple[Picture, ...]:
    """The pictures of all models together, and of what other commands measured."""
    pictures = []
    if len(records) > 1:
        pictures.append(compare.compare_picture(records))
    if elsewhere.cores:
        pictures.append(costs.cost_picture(elsewhere.cores))
    if elsewhere.peers is not None:
        pictures.append(costs.peers_picture(elsewhere.peers))
    if elsewhere.ablation:
        pictures.append(costs.ablation_picture(elsewhere.ablation))
    if elsewhere.front:
        pictures.append(costs.front_picture(elsewhere.front, elsewhere.goal))
    return tuple(pictures)
