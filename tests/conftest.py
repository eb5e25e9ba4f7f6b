"""What every test can use, in an environment with TensorFlow or without."""

import builtins
import importlib.util
import io
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import settings

from firmware_host.installed import install_command

# Shared machines are slow at times, and a failure must come back when it is looked at.
# EDGE_IK_EXAMPLES is for environments in which versions are tested, not laws.
settings.register_profile(
    "edge_ik",
    deadline=None,
    derandomize=True,
    print_blob=True,
    max_examples=int(os.environ.get("EDGE_IK_EXAMPLES", "100")),
)
settings.load_profile("edge_ik")


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("tensorflow") and not importlib.util.find_spec("tensorflow"):
        pytest.skip(f"needs TensorFlow: {install_command('train')}")


@pytest.fixture(scope="session", autouse=True)
def _cache_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Compiled firmware goes into a folder of the test run, not into the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _signals_of_a_terminal() -> None:
    """Programs get the signals that a runner in the background ignores."""
    for name, handler in (("SIGINT", signal.default_int_handler), ("SIGHUP", signal.SIG_DFL)):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


def _without(advice: str) -> NoReturn:
    """Skip the test for what is missing, or fail it where EDGE_IK_REQUIRE_TOOLS is 1."""
    if os.environ.get("EDGE_IK_REQUIRE_TOOLS", "0") not in ("", "0"):
        pytest.fail(advice, pytrace=False)
    pytest.skip(advice)


@pytest.fixture(scope="session")
def without() -> Callable[[str], NoReturn]:
    """Function of advice: skip the test, or fail it, where what is missing is no command."""
    return _without


@pytest.fixture(scope="session")
def require_tool() -> Callable[[str, str], Path]:
    """Give the path of a command; skip the test, or fail it, where it is missing.

    Use as `require_tool("qemu-system-arm", "qemu-system-arm")`: the command, and the
    Debian package that has it. EDGE_IK_REQUIRE_TOOLS=1 makes a missing tool a failure.
    """

    def require(name: str, debian_package: str) -> Path:
        path = shutil.which(name)
        if path is None:
            _without(f"'{name}' is missing: apt-get install {debian_package}")
        return Path(path)

    return require


@pytest.fixture(scope="session")
def dead() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


# Does some work again and again, each time in a process that is killed before another of its
# steps, until one comes to its end.
KILLING = """
import os, signal, sys
from itertools import count
from pathlib import Path

folder, arguments = Path(sys.argv[1]), sys.argv[3:]
exec(sys.argv[2])
STEPS = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "shutil.rmtree", "os.scandir"}
for number in count():
    above = folder / str(number)
    above.mkdir()
    before(above)
    child = os.fork()
    if child == 0:
        steps = count()

        def killing(event, values):
            if event in STEPS and str(folder) in str(values) and next(steps) == number:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(killing)
        work(above)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code != -signal.SIGKILL:
        break
print(number if code == 0 else "failed")
"""


@pytest.fixture
def killed_at_every_step(tmp_path: Path) -> Callable[..., int]:
    """Function of a script and arguments of it: how often what it defines was killed.

    The script defines `before(above)` and `work(above)`. The folder of each number has what
    `work` left that was killed before its file operation of that number; one more is whole.
    """
    if not hasattr(os, "fork"):
        pytest.skip("Windows has no fork")

    def kills(script: str, *arguments: str) -> int:
        command = [sys.executable, "-c", KILLING, str(tmp_path), script, *arguments]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
        return int(result.stdout)

    return kills


@pytest.fixture
def no_room() -> Callable[[int], AbstractContextManager[None]]:
    """A context in which no file grows beyond so many bytes, as on a disk that is full."""
    import resource

    @contextmanager
    def limited(room: int) -> Iterator[None]:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return limited


@pytest.fixture
def read_only() -> Callable[[Path], AbstractContextManager[None]]:
    """A context in which nothing can be written into a folder, not even by root."""
    import errno

    @contextmanager
    def protected(folder: Path) -> Iterator[None]:
        # Root may write where modes forbid it, so the refusal is put where files are opened.
        opened, made = os.open, os.mkdir
        real_open = io.open

        def refuse(path: object, writes: bool) -> None:
            place = Path(os.fsdecode(path)) if isinstance(path, (str, bytes, os.PathLike)) else None
            if writes and place is not None and place.absolute().is_relative_to(folder):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(place))

        def os_open(path: Any, flags: int, *rest: Any, **named: Any) -> int:
            refuse(path, bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)))
            return opened(path, flags, *rest, **named)

        def io_open(path: Any, mode: str = "r", *rest: Any, **named: Any) -> Any:
            refuse(path, bool(set(mode) & set("wax+")))
            return real_open(path, mode, *rest, **named)

        def mkdir(path: Any, *rest: Any, **named: Any) -> None:
            refuse(path, True)
            made(path, *rest, **named)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "open", os_open)
            patch.setattr(io, "open", io_open)
            patch.setattr(builtins, "open", io_open)
            patch.setattr(os, "mkdir", mkdir)
            yield

    return protected


@pytest.fixture(scope="session")
def source_root() -> Path:
    """The folder that has pyproject.toml."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def planar_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file of a two-joint robot; its int8 network has random weights."""
    import numpy as np

    from firmware_host.chain import Chain, Joint
    from firmware_host.kinematics import tool_position
    from firmware_host.model_file import write_model
    from firmware_host.normalization import Normalization
    from firmware_host.problem import IkProblem
    from firmware_host.spec import ModelSpec
    from firmware_host.tasks import POSITION
    from firmware_host.workspace import Workspace

    link = np.eye(4)
    link[0, 3] = 0.25
    axis = np.array([0.0, 0.0, 1.0])
    joints = (Joint("inner", np.eye(4), axis, -2.0, 2.0), Joint("outer", link, axis, 0.3, 2.5))
    chain = Chain("planar", joints, link)
    q = np.random.default_rng(0).uniform(chain.lower, chain.upper, (5000, 2))
    positions = tool_position(chain, np.sin(q), np.cos(q))
    problem = IkProblem(chain, POSITION)
    spec = ModelSpec(
        problem=problem,
        normalization=Normalization.fit(problem.features(positions)),
        home=tuple(chain.middle.tolist()),
        workspace=Workspace.fit(chain, positions),
        provenance={"version": "1.2.3", "rng_seed": 5, "metrics": {"rmse_m": 0.1, "steps": [1, 2]}},
    )
    path = tmp_path_factory.mktemp("model") / "planar.tflite"
    network = Path(__file__).parent / "firmware_host" / "models" / "int8_per_channel.tflite"
    write_model(path, network.read_bytes(), spec.to_dict())
    return path


@pytest.fixture(scope="session")
def servo_record():
    """What a model file of the two-joint robot says of servos: one of pulses, one on a bus."""
    pulses = {"unit": "us", "zero": 1500.0, "per_turn": 4000.0, "least": 500, "most": 2500}
    ticks = {"unit": "ticks", "zero": 2048.0, "per_turn": 4096.0, "least": 0, "most": 4095}
    rest = {"direction": 1, "gear_ratio": 1.0, "mm_per_turn": None, "offset": 0.0, "model": ""}
    return [{"joint": "inner", **rest, **pulses}, {"joint": "outer", **rest, **ticks}]


@pytest.fixture(scope="session")
def servo_model(planar_model, servo_record, tmp_path_factory):
    """The model file of the two-joint robot, with servos."""
    from firmware_host.model_file import read_model, write_model

    path = tmp_path_factory.mktemp("model") / "planar-servos.tflite"
    flatbuffer, record = read_model(planar_model)
    write_model(path, flatbuffer, record | {"servos": servo_record})
    return path


@pytest.fixture(scope="session")
def tiny_values():
    """Values of a training of a second or two."""
    return {
        "training.steps_per_epoch": 20,
        "training.steps_per_execution": 10,
        "training.batch_size": 64,
        "training.validation_targets": 500,
        "training.ema": 0.9,
        "data.pool": 2000,
        "mining.buffer": 64,
    }


@pytest.fixture(scope="session")
def tiny_config():
    """A training of seconds that uses every part: mining, dropout, balance, averages."""
    from edge_ik.config import make_config

    values = {
        "training.epochs": 3,
        "training.steps_per_epoch": 40,
        "training.steps_per_execution": 10,
        "training.batch_size": 64,
        "training.validation_targets": 500,
        "training.ema": 0.9,
        "data.pool": 2000,
        "network.dropout": 0.1,
        "mining.buffer": 64,
    }
    return make_config("nano", overrides=values)


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory, tiny_config):
    """The run folder of that training, to be read only."""
    from edge_ik import preparation, training

    folder = tmp_path_factory.mktemp("runs") / "tiny"
    training.train(*preparation.start(tiny_config, folder))
    return folder


@pytest.fixture(scope="session")
def tiny_export(tmp_path_factory, tiny_folder):
    """That run in every format: the folder written, and what export returned."""
    from edge_ik_tools.convert import FORMATS
    from edge_ik_tools.export import export

    out = tmp_path_factory.mktemp("export") / "tiny"
    return out, export(tiny_folder, list(FORMATS), out=out, targets=500)


@pytest.fixture(scope="session")
def other_arms():
    """Arms with joints that slide, or that follow others, by name."""
    import numpy as np

    from firmware_host.chain import Chain, Joint, Mimic

    x, y, z = np.eye(3)

    def at(*offset):
        origin = np.eye(4)
        origin[:3, 3] = offset
        return origin

    here = at(0, 0, 0)
    # It turns, lifts by 0.5 m and reaches out.
    cylindrical = (
        Joint("turn", here, z, -2.8, 2.8),
        Joint("lift", at(0, 0, 0.1), z, 0.0, 0.5, "prismatic"),
        Joint("reach", here, x, 0.2, 0.6, "prismatic"),
    )
    # The forearm is turned against the upper arm, and the tool stays level.
    palletizer = (
        Joint("yaw", here, z, -2.0, 2.0),
        Joint("rear", at(0, 0, 0.14), y, -0.2, 1.4),
        Joint("parallel", at(0, 0, 0.135), y, -3.0, 3.0, mimic=Mimic("rear", -1.0)),
        Joint("fore", here, y, 0.1, 1.5),
        Joint("level", at(0.147, 0, 0), y, -3.0, 3.0, mimic=Mimic("fore", -1.0)),
    )
    # A motor beside the arm draws a slide by a screw, and bends the arm through gears.
    geared = (
        Joint("slide", here, x, -0.3, 0.3, "prismatic", Mimic("motor", 0.05, 0.1)),
        Joint("turn", at(0, 0, 0.2), z, -np.pi, np.pi, "continuous"),
        Joint("bend", at(0.1, 0, 0), y, 0.2, 2.5),
        Joint("twice", at(0.2, 0, 0), y, -6.0, 6.0, mimic=Mimic("bend", -2.0, 0.4)),
    )
    motor = Joint("motor", here, z, -9.0, 9.0)
    gantry = tuple(
        Joint(name, here, axis, 0.0, 0.4, "prismatic")
        for name, axis in (("x", x), ("y", y), ("z", -z))
    )
    # Scheinman's arm of 1969, about to scale.
    stanford = (
        Joint("base", here, z, -2.9, 2.9),
        Joint("shoulder", at(0, 0, 0.4), y, 0.3, 2.6),
        Joint("boom", at(0, 0.15, 0), z, 0.15, 0.8, "prismatic"),
        Joint("roll", here, z, -2.9, 2.9),
        Joint("bend", here, y, 0.2, 1.6),
        Joint("flange", here, z, -2.9, 2.9),
    )
    rail = (
        Joint("rail", here, y, -0.5, 0.5, "prismatic"),
        Joint("yaw", at(0, 0, 0.2), z, -2.5, 2.5),
        Joint("shoulder", here, y, -1.0, 1.5),
        Joint("elbow", at(0.25, 0, 0), y, 0.2, 2.5),
    )
    return {
        "cylindrical": Chain("cylindrical", cylindrical, at(0.05, 0.02, -0.05)),
        "palletizer": Chain("palletizer", palletizer, at(0.06, 0, -0.05)),
        "geared": Chain("geared", geared, at(0.25, 0, 0), beside=(motor,)),
        "gantry": Chain("gantry", gantry, at(0.05, 0, -0.1)),
        "stanford": Chain("stanford", stanford, at(0, 0, 0.1)),
        "on a rail": Chain("on_a_rail", rail, at(0.2, 0, 0)),
    }


@pytest.fixture(
    scope="session", params=["cylindrical", "palletizer", "geared", "gantry", "on a rail"]
)
def other_arm(request, other_arms):
    """One of them, for positions."""
    return other_arms[request.param]


@pytest.fixture(scope="session")
def random_servos():
    """Function of a chain and a generator: servos of every kind, which reach some of each joint."""
    import numpy as np

    from firmware_host.servo import Servo
    from firmware_host.servos import Servos

    def servo(joint, rng):
        pulses = rng.random() < 0.5
        least = int(rng.integers(0, 2000))
        most = least + int(rng.integers(200, 2096))
        slides = joint.kind == "prismatic"
        unit = 1e3 / (slide := rng.uniform(1, 50)) if slides else 1 / (2 * np.pi)
        per_turn = float(rng.choice([4096, 1227.6, 4000, 2666.7]))
        # Its range is a part of the joint's, or some of it; the middle is somewhere in there.
        share = 10.0 ** rng.uniform(-0.5, 0.5)
        counts = min((most - least) / (joint.upper - joint.lower) * share, 5e4)
        gear = counts / (per_turn * unit)
        direction = int(rng.choice([-1, 1]))
        meets = rng.uniform(joint.lower, joint.upper)
        at_zero = (least + most) / 2 - direction * gear * per_turn * unit * meets
        zero = float(np.clip(at_zero, 0, 4096))
        return Servo(
            joint.name,
            "us" if pulses else "ticks",
            zero,
            per_turn,
            least,
            most,
            direction,
            gear,
            slide if slides else None,
            offset=(at_zero - zero) / per_turn * 2 * np.pi,
        )

    return lambda chain, rng: Servos(chain, tuple(servo(joint, rng) for joint in chain.joints))


def _integer_network(rng, dtype, features, parts, width=48):
    """A network of integers: one layer at random, and one fitted to outputs by least squares.

    Parts of the outputs are fitted alone, each a pair of rows of the features and what is
    wanted there (rows, m).
    """
    import numpy as np

    from firmware_host.network import reference
    from firmware_host.network.flatbuffer import Graph, Operator, Quantization, Tensor

    kind = np.dtype(dtype)
    full = np.iinfo(kind).max + 1
    tensors, operators = [], []

    def tensor(shape, kind, scale, zero=0, data=None):
        scales = np.atleast_1d(np.asarray(scale, np.float32))
        quantization = Quantization(scales, np.full(len(scales), zero, np.int64), 0)
        name = f"tensor{len(tensors)}"
        tensors.append(Tensor(name, shape, np.dtype(kind), quantization, data))
        return len(tensors) - 1

    def dense(source, weights, offsets, most):
        scales = np.maximum(np.abs(weights).max(axis=1), 1e-6) / 127
        numbers = np.rint(weights / scales[:, None]).astype(np.int8)
        filters = tensor(numbers.shape, np.int8, scales, data=numbers)
        factor = scales * float(tensors[source].quantization.scale[0])
        wide = np.int64 if kind == np.int16 else np.int32
        bias = tensor(offsets.shape, wide, factor, data=np.rint(offsets / factor).astype(wide))
        zero = 3 if kind == np.int8 else 0
        result = tensor((1, len(weights)), kind, most / full, zero)
        operators.append(Operator("FULLY_CONNECTED", (source, filters, bias), (result,), {}))
        return result

    def network(output):
        graph = Graph(tuple(tensors), tuple(operators), (0,), (output,))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(reference, "read_graph", lambda _: graph)
            return reference.ReferenceInterpreter(b"")

    count = features.shape[1]
    tensor((1, count), kind, 4.0 / full, -5 if kind == np.int8 else 0)
    weights = rng.normal(0, 1.2 / np.sqrt(count), (width, count))
    value = dense(0, weights, rng.normal(0, 0.5, width), 6.0)
    scale = 1 / 256 if kind == np.int8 else 1 / 32768
    gate = tensor((1, width), kind, scale, -128 if kind == np.int8 else 0)
    operators.append(Operator("LOGISTIC", (value,), (gate,), {}))
    hidden = tensor((1, width), kind, 6.0 / full, 0)
    operators.append(Operator("MUL", (value, gate), (hidden,), {}))
    source = tensors[0].quantization
    quantized = np.rint(features / source.scale[0]) + source.zero_point[0]
    limits = np.iinfo(kind)
    found = network(hidden).run(np.clip(quantized, limits.min, limits.max).astype(kind))
    inputs = np.column_stack([found * (6.0 / full), np.ones(len(found))])
    fitted = []
    for rows, outputs in parts:
        some = inputs[rows]
        gram = some.T @ some + 1e-3 * len(some) * np.eye(some.shape[1])
        fitted.append(np.linalg.solve(gram, some.T @ outputs).T)
    last = np.concatenate(fitted)
    return network(dense(hidden, last[:, :-1], last[:, -1], 1.2))


@pytest.fixture(scope="session")
def integer_model():
    """Function of a chain, a generator and a task: a spec, its network and what runs floats.

    The network is of integers, and knows some postures of each branch.
    """
    import numpy as np

    from firmware_host.kinematics import components
    from firmware_host.network.interpreter import Interpreter
    from firmware_host.normalization import Normalization
    from firmware_host.problem import IkProblem
    from firmware_host.solving.seeding import Seeder
    from firmware_host.spec import Branch, ModelSpec
    from firmware_host.tasks import POSITION
    from firmware_host.workspace import Workspace

    class OfFloats(Interpreter):
        """The network behind the face of the runtimes."""

        def __init__(self, native):
            super().__init__("reference", native.graph)
            self._native = native

        def _network(self, q):
            return self._native.run(q)

    def make(chain, rng, task=POSITION, branches=1, dtype=np.int8, spread=1.2):
        problem, n = IkProblem(chain, task), len(chain)
        room = np.minimum(chain.upper - chain.lower, 2 * np.pi)
        spread = spread * chain.scales
        centres = chain.middle + rng.uniform(-0.25, 0.25, (branches, n)) * room
        number = rng.integers(branches, size=3000)
        q = chain.clamp(centres[number] + rng.uniform(-spread / 2, spread / 2, (3000, n)))
        targets = problem.reached_by(q)
        spec = ModelSpec(
            problem=problem,
            normalization=Normalization.fit(problem.features(targets).astype(np.float32)),
            home=tuple(centres[0].tolist()),
            workspace=Workspace.fit(chain, problem.task.positions(targets)),
            branches=tuple(Branch(f"branch {k}", 1 / branches, 0.5) for k in range(branches)),
        )
        encoding = problem.encode(components(targets))
        numbers = problem.outputs.of(components(q), np)
        labels = np.stack(problem.outputs.unturned(numbers, encoding), axis=1)
        parts = [(number == k, labels[number == k]) for k in range(branches)]
        if branches > 1:
            parts.append((slice(None), np.eye(branches)[number]))
        features = Seeder(spec, lambda rows: rows).features(targets)
        network = _integer_network(rng, dtype, features, parts)
        return spec, network, OfFloats(network)

    return make
