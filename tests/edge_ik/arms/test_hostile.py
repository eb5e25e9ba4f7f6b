"""Robots that were made to break something: each is taken rightly, or refused in a sentence."""

import copy
import json
import random
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest

COUNT = 200
SECONDS = 2
MEGABYTES = 500

ROBOT = """<robot name="arm"><link name="base"/><link name="l1"/><link name="l2"/><link name="l3"/>
<link name="tip"/>
<joint name="j1" type="revolute"><parent link="base"/><child link="l1"/>
<origin xyz="0 0 0.1" rpy="0 0 0"/><axis xyz="0 0 1"/><limit lower="-2" upper="2"/></joint>
<joint name="j2" type="continuous"><parent link="l1"/><child link="l2"/>
<origin xyz="0.1 0 0.2" rpy="0 1.5 0"/><axis xyz="0 1 0"/></joint>
<joint name="j3" type="prismatic"><parent link="l2"/><child link="l3"/>
<origin xyz="0.2 0 0"/><axis xyz="1 0 0"/><limit lower="0" upper="0.3"/></joint>
<joint name="j4" type="revolute"><parent link="l3"/><child link="tip"/>
<origin xyz="0.2 0 0"/><axis xyz="0 1 0"/><limit lower="-1" upper="1"/>
<mimic joint="j1" multiplier="0.5" offset="0.1"/></joint></robot>"""

NUMBERS = (
    *("nan", "inf", "-inf", "1e308", "-1e308", "1e-320", "1e400", "1e6", "-1e6", "1e5", "101"),
    *("0", "0 0 0", "1 1 1", "1e-9 0 0", "1,2,3", "0x10", "1_0", "", " ", "1 2", "1 2 3 4", "--1"),
    *("\u0661", "9" * 5000, "0 " * 5000, "${pi}", "1e308 1e308 1e308", "nan nan nan", "3.2", "400"),
)
WORDS = (
    *(
        "[/foo]",
        "[bold]x",
        "../../x",
        "a'b\"c",
        "*/ // /*",
        "??/",
        "ends\\",
        "a\nb",
        "a\tb",
        "a\x9bb",
    ),
    *("\u202eabc", "\u2028", "\ufeff", "\u200b", "", " ", "j1", "l1", "base", "x" * 10_000, "$x^$"),
    *(
        "机器人",
        "Grüße",
        "\U000e0001",
        "fixed",
        "planar",
        "floating",
        "hinge",
        "-1",
        "--help",
        "%s",
    ),
)

INSERTED = (*(b"\0", b"\x1b[2J", b"&#27;", b"&#xd800;", b"<!--", b"]]>", b"\xff\xfe", b"&x;"),)

# Looks at each robot as the command does, and measures it.
PROGRAM = """
import json, os, sys
import numpy as np
from click.testing import CliRunner
from edge_ik.arms import load_arm
from edge_ik.cli import main
from firmware_host.errors import RobotError
from firmware_host.kinematics import forward_kinematics
from firmware_host.names import is_name
for path in sys.argv[1:]:
    began = sum(os.times()[:4])  # of this program and those that it starts, whatever else runs
    result = CliRunner().invoke(main, ["arms", path])
    seconds = sum(os.times()[:4]) - began
    right = True
    if result.exit_code == 0:
        try:
            chain = load_arm(path)
        except RobotError:
            pass  # another chain of it is shown
        else:
            names = [chain.name, chain.base, chain.tip, *(j.name for j in chain.moving)]
            pose = forward_kinematics(chain, np.stack([chain.lower, chain.middle, chain.upper]))
            right = all(map(is_name, names)) and bool(np.abs(pose).max() <= 300)
    broken = result.exception is not None and not isinstance(result.exception, SystemExit)
    told = [path, result.exit_code, repr(result.exception) if broken else ""]
    print(json.dumps([*told, seconds, right, result.stdout, result.stderr]))
with open("/proc/self/status") as status:
    print(next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM")))
"""


def attribute(rng, root):
    """One attribute of one element, replaced."""
    element = rng.choice([e for e in root.iter() if e.attrib])
    key = rng.choice(sorted(element.attrib))
    numeric = key not in ("name", "link", "type", "joint")
    element.set(key, rng.choice(NUMBERS if numeric or rng.random() < 0.2 else WORDS))


def structure(rng, root):
    """One element taken out, doubled, moved, emptied, or of another name."""
    parents = [e for e in root.iter() if len(e)]
    parent = rng.choice(parents)
    child = rng.choice(list(parent))
    match rng.randrange(6):
        case 0:
            parent.remove(child)
        case 1:
            parent.append(copy.deepcopy(child))
        case 2:
            child.attrib.clear()
        case 3:
            child.tag = rng.choice(["link", "joint", "robot", "origin", "xacro:macro", "a:b"])
        case 4:
            rng.choice(parents).append(copy.deepcopy(child))
        case 5:
            child.extend([ET.Element("link", name="l") for _ in range(500)])


def raw(rng, data):
    """Bytes flipped, cut out or put in."""
    at = rng.randrange(len(data))
    match rng.randrange(5):
        case 0:
            return data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]
        case 1:
            return data[:at]
        case 2:
            return data[:at] + data[at // 2 :]
        case 3:
            return data[:at] + rng.choice(INSERTED) + data[at:]
    return b"<!DOCTYPE robot [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>" + data


def hostile(rng):
    """The bytes of a robot with one to three things wrong."""
    root = ET.fromstring(ROBOT)
    for _ in range(rng.randint(1, 3)):
        (attribute if rng.random() < 0.7 else structure)(rng, root)
    encoding = rng.choice(["utf-8", "utf-8", "utf-16", "us-ascii"])
    data = ET.tostring(root, encoding)
    return raw(rng, data) if rng.random() < 0.25 else data


@pytest.fixture(scope="module")
def looked_at(tmp_path_factory):
    """What became of each robot, and the memory that all of them took [MB]."""
    rng, folder = random.Random(0), tmp_path_factory.mktemp("hostile")
    paths = [folder / f"robot{number}.urdf" for number in range(COUNT)]
    for path in paths:
        path.write_bytes(hostile(rng))
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, *map(str, paths)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    *lines, megabytes = ran.stdout.splitlines()
    return [json.loads(line) for line in lines], float(megabytes)


def test_each_is_taken_rightly_or_refused_in_a_sentence(looked_at):
    found, _ = looked_at
    assert len(found) == COUNT
    for path, status, broken, _, right, stdout, stderr in found:
        assert not broken, (path, broken)
        assert status in (0, 1), (path, stderr)
        assert right, path
        assert (stdout + stderr).replace("\n", "").isprintable(), path
        if status:
            assert stdout == "", path
            assert stderr.startswith("Error: "), (path, stderr)
            assert stderr.count("\n") == 1, (path, stderr)
    accepted = sum(status == 0 for _, status, *_ in found)
    assert COUNT / 10 < accepted < COUNT * 9 / 10


def test_each_is_done_within_time_and_memory(looked_at):
    found, megabytes = looked_at
    slow = {path: seconds for path, _, _, seconds, *_ in found[1:] if seconds > SECONDS}
    assert slow == {}
    assert megabytes < MEGABYTES
