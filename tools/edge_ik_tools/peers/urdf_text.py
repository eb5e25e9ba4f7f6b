"""A chain written as a URDF document, for programs that read nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from xml.sax.saxutils import quoteattr

from edge_ik.arms.rotation import rpy_from
from firmware_host.chain import Chain, FloatArray
from firmware_host.joints import PRISMATIC

TIP = "tool"


def chain_urdf(chain: Chain) -> str:
    """The chain's joints and limits as URDF; links `link0` to `linkN`, and `tool`.

    Numbers have seventeen digits, so what reads them has the same robot to the last bit.
    """
    lines = [f"<robot name={quoteattr(chain.name)}>"]
    links = [f"link{index}" for index in range(len(chain) + 1)]
    # KDL writes a complaint to standard output if the root has an inertia.
    lines += [f'  <link name="{links[0]}"/>']
    lines += [f'  <link name="{name}">{INERTIA}</link>' for name in (*links[1:], TIP)]
    for index, joint in enumerate(chain.joints):
        kind = "prismatic" if joint.kind == PRISMATIC else "revolute"
        limit = (
            f'<limit lower="{joint.lower:.17g}" upper="{joint.upper:.17g}" effort="1" '
            'velocity="1"/>'
        )
        lines.append(
            f'  <joint name={quoteattr(joint.name)} type="{kind}">'
            f'<parent link="{links[index]}"/><child link="{links[index + 1]}"/>'
            f'{_origin(joint.origin)}<axis xyz="{_numbers(joint.axis)}"/>{limit}</joint>'
        )
    lines.append(
        f'  <joint name="{TIP}_joint" type="fixed"><parent link="{links[-1]}"/>'
        f'<child link="{TIP}"/>{_origin(chain.tool)}</joint>'
    )
    return "\n".join([*lines, "</robot>", ""])


# Some readers leave out links without inertia, and with them their joints.
INERTIA = (
    '<inertial><mass value="1"/><inertia ixx="1" iyy="1" izz="1" ixy="0" ixz="0" iyz="0"/>'
    "</inertial>"
)


def _origin(transform: FloatArray) -> str:
    """The element of a (4, 4) transform: fixed-axis roll, pitch, yaw [rad] and x, y, z [m]."""
    rpy = _numbers(rpy_from(transform))
    return f'<origin xyz="{_numbers(transform[:3, 3])}" rpy="{rpy}"/>'


def _numbers(values: Iterable[float]) -> str:
    return " ".join(f"{value:.17g}" for value in values)
