"""URDF text for tests, from a few words a joint."""

import pytest

LIMIT = '<limit lower="-1" upper="1"/>'


def joint_xml(name, parent, child, kind="revolute", extra=LIMIT):
    ends = f'<parent link="{parent}"/><child link="{child}"/>'
    return f'<joint name="{name}" type="{kind}">{ends}{extra}</joint>'


def robot_xml(*joints, links=None, more=""):
    """A robot of (name, parent, child, type?, inner XML?) joints and the links they name."""
    if links is None:
        links = dict.fromkeys(link for joint in joints for link in joint[1:3])
    return (
        '<robot name="test_robot">'
        + "".join(f'<link name="{link}"/>' for link in links)
        + "".join(joint_xml(*joint) for joint in joints)
        + more
        + "</robot>"
    )


@pytest.fixture(scope="session")
def urdf():
    """Function of joints (name, parent, child, type?, inner XML?): the text of a URDF file."""
    return robot_xml


@pytest.fixture
def write_urdf(tmp_path):
    """Function of text, bytes or joints: the path of a file that holds it."""

    def write(*content, **options):
        path = tmp_path / "robot.urdf"
        only = content[0] if content else robot_xml(**options)
        if isinstance(only, bytes):
            path.write_bytes(only)
        else:
            text = only if isinstance(only, str) else robot_xml(*content, **options)
            path.write_text(text, encoding="utf-8")
        return path

    return write
