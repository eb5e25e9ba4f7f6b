"""A tiny model that every runtime can be tried on: two joints, and a network of random weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from firmware_host.chain import Chain, Joint
from firmware_host.kinematics import forward_kinematics
from firmware_host.model_file import write_model
from firmware_host.normalization import Normalization
from firmware_host.problem import IkProblem
from firmware_host.spec import ModelSpec
from firmware_host.tasks import POSITION
from firmware_host.workspace import Workspace

# int8, six features and two joints; its random weights are those of the tests' models.
NETWORK = Path(__file__).with_name("network.tflite")
LINK_M = 0.25
POSTURES = 500


def tiny_chain() -> Chain:
    """Two joints that turn about z, and two links."""
    link = np.eye(4)
    link[0, 3] = LINK_M
    axis = np.array([0.0, 0.0, 1.0])
    joints = (Joint("inner", np.eye(4), axis, -2.0, 2.0), Joint("outer", link, axis, 0.3, 2.5))
    return Chain("tiny", joints, link)


def write_tiny_model(path: Path) -> None:
    """Write the model file.

    Args:
        path: The file, a `.tflite`.
    """
    chain = tiny_chain()
    problem = IkProblem(chain, POSITION)
    q = np.random.default_rng(0).uniform(chain.lower, chain.upper, (POSTURES, len(chain)))
    positions = forward_kinematics(chain, q)[:, :3, 3]
    spec = ModelSpec(
        problem=problem,
        normalization=Normalization.fit(problem.features(positions)),
        home=tuple(chain.middle.tolist()),
        workspace=Workspace.fit(chain, positions),
    )
    write_model(path, NETWORK.read_bytes(), spec.to_dict())
