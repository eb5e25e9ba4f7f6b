"""Configuration: what it is made from, what it refuses, and how it is written down."""

import dataclasses
import hashlib
import json
import re
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_ik.config import (
    ArmConfig,
    Config,
    DataConfig,
    LossConfig,
    MiningConfig,
    NetworkConfig,
    TaskConfig,
    TrainingConfig,
    config_from_dict,
    make_config,
    read_config,
    to_toml,
)
from edge_ik.presets import DEFAULT_PRESET, PRESETS
from firmware_host.errors import ConfigError

TABLES = [field.name for field in dataclasses.fields(Config)]

share = st.floats(0, 1)
share_below_one = st.floats(0, 1, exclude_max=True)
positive = st.floats(0, exclude_min=True, allow_infinity=False)
not_negative = st.floats(0, allow_infinity=False)
finite = st.floats(allow_nan=False, allow_infinity=False)
count = st.integers(1, 1_000_000)
text = st.text(st.characters(codec="utf-8"))
metres, part = st.floats(-100, 100), st.floats(-1e6, 1e6)

configs = st.builds(
    Config,
    arm=st.builds(
        ArmConfig,
        source=text,
        base=text,
        tip=text,
        home=st.lists(finite, max_size=7).map(tuple),
    ),
    task=st.builds(
        TaskConfig,
        name=st.sampled_from(["position", "axis", "pose"]),
        tool_axis=st.sampled_from("xyz"),
        branches=st.sampled_from(["auto", "all"]),
    ),
    data=st.builds(
        DataConfig,
        pool=st.integers(1000, 10_000_000),
        focus_center=st.just(()) | st.tuples(metres, metres, metres),
        focus_radius=st.floats(0, 100, exclude_min=True),
        focus_normal=st.tuples(part, part, part).filter(any),
        focus_spread=not_negative,
        focus_start=share,
        focus_end=share,
        range_start=share,
        curriculum=share | st.just(-1.0),
    ),
    network=st.builds(
        NetworkConfig,
        width=st.integers(0, 8192),
        blocks=st.integers(-1, 64),
        heads=st.integers(0, 256),
        dropout=share_below_one,
        gate=st.booleans(),
        residual=st.booleans(),
    ),
    loss=st.builds(
        LossConfig,
        balance=st.booleans(),
        position_weight=not_negative,
        angle_weight=not_negative,
    ),
    mining=st.builds(MiningConfig, share=share_below_one | st.just(-1.0), buffer=count),
    training=st.builds(
        TrainingConfig,
        epochs=st.integers(0, 10_000),
        steps_per_epoch=count,
        steps_per_execution=count,
        batch_size=st.integers(8, 1_000_000),
        learning_rate=not_negative,
        final_learning_rate=not_negative,
        warmup=share_below_one,
        ema=share_below_one,
        validation_targets=count,
        rng_seed=st.integers(0, 2**31 - 1),
    ),
)


class TestToml:
    @given(config=configs)
    def test_a_written_configuration_reads_back_exactly(self, tmp_path_factory, config):
        path = tmp_path_factory.getbasetemp() / "config.toml"
        path.write_bytes(to_toml(config).encode())
        assert read_config(path) == config

    @pytest.mark.parametrize("preset", PRESETS)
    def test_a_written_preset_reads_back_exactly(self, tmp_path, preset):
        path = tmp_path / "config.toml"
        path.write_text(to_toml(make_config(preset)))
        assert read_config(path) == make_config(preset)

    def test_it_is_flat_with_every_key(self):
        lines = to_toml(Config()).splitlines()
        assert [line for line in lines if line.startswith("[")] == [f"[{name}]" for name in TABLES]
        keys = [key for table in Config().to_dict().values() for key in table]
        assert [line.split(" = ")[0] for line in lines if " = " in line] == keys

    def test_a_missing_file_is_told(self, tmp_path):
        with pytest.raises(ConfigError, match=r"nowhere\.toml: No such file"):
            read_config(tmp_path / "nowhere.toml")

    @pytest.mark.parametrize(
        "content", [b"width = ", b"\xff\xfe", b"[network]\nwidth = 1\nwidth=2"]
    )
    def test_what_is_not_toml_is_told(self, tmp_path, content):
        path = tmp_path / "bad.toml"
        path.write_bytes(content)
        with pytest.raises(ConfigError, match=r"bad\.toml is not a TOML file"):
            read_config(path)


class TestPaths:
    @pytest.mark.parametrize("key", ["source", "servos"])
    def test_those_of_a_file_are_seen_from_its_folder(self, tmp_path, monkeypatch, key):
        folder = tmp_path / "robots"
        folder.mkdir()
        (folder / "own.file").write_text("")
        (folder / "mine.toml").write_text(f'[arm]\n{key} = "own.file"\n')
        found = make_config("micro", folder / "mine.toml")
        assert getattr(found.arm, key) == str(folder / "own.file")
        monkeypatch.chdir(folder)
        assert getattr(make_config("micro", Path("mine.toml")).arm, key) == "own.file"

    @pytest.mark.parametrize(
        "source", ["ur5", "nowhere.urdf", "robot_descriptions:ur5e_description"]
    )
    def test_what_is_not_there_stays_as_it_is(self, tmp_path, source):
        (tmp_path / "ur5").write_text("")
        (tmp_path / "mine.toml").write_text(f'[arm]\nsource = "{source}"\n')
        assert make_config("micro", tmp_path / "mine.toml").arm.source == source

    def test_an_option_is_seen_from_where_it_is_given(self, tmp_path):
        (tmp_path / "mine.toml").write_text('[arm]\nsource = "a.urdf"\n')
        (tmp_path / "b.urdf").write_text("")
        config = make_config("micro", tmp_path / "mine.toml", {"arm.source": "b.urdf"})
        assert config.arm.source == "b.urdf"

    def test_a_name_that_is_no_text_is_told(self):
        with pytest.raises(
            ConfigError, match=r"'arm\.source'.*which is not UTF-8; rename"
        ) as error:
            make_config(overrides={"arm.source": "arm\udcff.urdf"})
        assert str(error.value).isprintable()


class TestPrecedence:
    def test_values_win_over_the_file_and_the_file_over_the_preset(self, tmp_path):
        path = tmp_path / "mine.toml"
        path.write_text("[network]\nwidth = 20\nblocks = 4\n[training]\nepochs = 3\n")
        config = make_config("micro", path, {"network.blocks": 7})
        assert (config.network.width, config.network.blocks) == (20, 7)
        assert config.training.epochs == 3
        assert make_config("micro", path).network.blocks == 4
        assert make_config("micro").network.width == 16

    def test_what_nobody_names_keeps_its_default(self, tmp_path):
        path = tmp_path / "mine.toml"
        path.write_text("[training]\nrng_seed = 5\n")
        config = make_config("nano", path)
        expected = dataclasses.replace(
            Config(),
            network=NetworkConfig(width=8, blocks=1),
            training=TrainingConfig(epochs=16, learning_rate=1e-2, rng_seed=5),
        )
        assert config == expected

    def test_presets_are_not_changed_by_their_use(self, tmp_path):
        before = json.dumps(PRESETS)
        path = tmp_path / "mine.toml"
        path.write_text("[network]\nwidth = 20\n")
        make_config("nano", path, {"network.blocks": 9})
        assert json.dumps(PRESETS) == before

    def test_a_built_in_robot_has_a_task_of_its_own(self):
        assert make_config(overrides={"arm.source": "scara"}).task.name == "yaw"
        named = {"arm.source": "scara", "task.name": "position"}
        assert make_config(overrides=named).task.name == "position"
        assert make_config(overrides={"arm.source": "mine.urdf"}).task.name == "position"

    @pytest.mark.parametrize("offset", [(0.1,), (0.0,) * 7, (0.0, 0.0, 0.1, 1.0)])
    def test_what_is_no_tool_is_refused(self, offset):
        with pytest.raises(ConfigError, match=r"arm.tool_offset.*w, x, y, z, not all 0"):
            make_config(overrides={"arm.tool_offset": offset})

    def test_the_default_preset_is_one(self):
        assert make_config() == make_config(DEFAULT_PRESET)

    @pytest.mark.parametrize(
        ("key", "given", "value"),
        [
            ("network.width", "24", 24),
            ("training.learning_rate", "1e-4", 1e-4),
            ("network.gate", "false", False),
            ("arm.home", "[0, 0.5, 1]", (0.0, 0.5, 1.0)),
            ("arm.source", "robot.urdf", "robot.urdf"),
            ("arm.source", '"robot.urdf"', "robot.urdf"),
            ("arm.tip", "7", "7"),
            ("arm.base", "true", "true"),
        ],
    )
    def test_text_is_read_as_its_key_needs_it(self, key, given, value):
        table, name = key.split(".")
        config = make_config("nano", overrides={key: given})
        assert getattr(getattr(config, table), name) == value

    @pytest.mark.parametrize("whole", [3, 3.0, "3", "3.0"])
    def test_a_whole_number_may_be_written_as_a_float(self, whole):
        epochs = make_config("nano", overrides={"training.epochs": whole}).training.epochs
        assert epochs == 3
        assert isinstance(epochs, int)


def refused(overrides, *parts):
    """The refusal of these values; its text has each of the parts."""
    with pytest.raises(ConfigError) as caught:
        make_config("nano", overrides=overrides)
    for part in parts:
        assert part in str(caught.value)
    return str(caught.value)


class TestRefusals:
    def test_an_unknown_preset_is_told_with_the_known_ones(self):
        with pytest.raises(ConfigError, match=r"'huge'.*auto, nano, micro, edge, capstone"):
            make_config("huge")

    @pytest.mark.parametrize("key", ["net.width", "width", ""])
    def test_an_unknown_table_is_told_with_the_known_ones(self, key):
        refused({key: 1}, f"'{key.split('.')[0]}'", *TABLES)

    @pytest.mark.parametrize("key", ["network.depth", "network.", "network.width.x"])
    def test_an_unknown_key_is_told_with_the_known_ones(self, key):
        refused({key: 1}, f"'{key}'", *(f"network.{name}" for name in vars(NetworkConfig())))

    def test_a_value_outside_any_table_is_told(self, tmp_path):
        path = tmp_path / "flat.toml"
        path.write_text("width = 3\n")
        with pytest.raises(ConfigError, match=r"'width'.*\[arm\], \[task\], \[data\]"):
            make_config("nano", path)
        with pytest.raises(ConfigError, match="'width'"):
            read_config(path)

    @pytest.mark.parametrize(
        ("key", "value", "kind"),
        [
            ("training.epochs", 2.5, "a whole number"),
            ("training.epochs", True, "a whole number"),
            ("training.epochs", [1], "a whole number"),
            ("training.epochs", "many", "a whole number"),
            ("training.learning_rate", "fast", "a finite number"),
            ("training.learning_rate", True, "a finite number"),
            ("training.learning_rate", "nan", "a finite number"),
            ("training.learning_rate", "inf", "a finite number"),
            ("training.learning_rate", 10**400, "a finite number"),
            ("data.focus_radius", float("inf"), "a finite number"),
            ("network.gate", 1, "true or false"),
            ("network.gate", "yes", "true or false"),
            ("arm.source", 3, "text"),
            ("arm.home", 3, "a list of numbers"),
            ("arm.home", ["a", 1], "a list of numbers"),
            ("arm.home", [True], "a list of numbers"),
            ("data.focus_center", "[0, nan, 0]", "a list of numbers"),
        ],
    )
    def test_another_type_is_told_with_the_key_and_the_value(self, key, value, kind):
        shown = str(value).strip("[]").split(",")[0]
        refused({key: value}, f"'{key}'", kind, shown)

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("task.branches", "some"),
            ("task.name", "flight"),
            ("data.pool", 999),
            ("data.focus_center", (1.0, 2.0)),
            ("data.focus_center", (1e300, 0.0, 0.2)),
            ("data.focus_radius", 0.0),
            ("data.focus_radius", 1e300),
            ("data.focus_normal", (1e300, 1e300, 0.0)),
            ("data.focus_normal", (0.0, 0.0, 0.0)),
            ("data.focus_normal", (0.0, 1.0)),
            ("data.focus_spread", -0.1),
            ("data.focus_start", 1.1),
            ("data.focus_end", -0.1),
            ("data.range_start", 1.5),
            ("data.curriculum", -0.5),
            ("data.curriculum", 1.5),
            ("network.width", -1),
            ("network.blocks", -2),
            ("network.heads", -1),
            ("network.heads", 257),
            ("network.dropout", 1.0),
            ("loss.position_weight", -1.0),
            ("loss.angle_weight", -1.0),
            ("mining.share", 1.0),
            ("mining.share", -0.5),
            ("mining.buffer", 0),
            ("training.epochs", -1),
            ("training.steps_per_epoch", 0),
            ("training.steps_per_execution", 0),
            ("training.batch_size", 7),
            ("training.learning_rate", -1e-3),
            ("training.final_learning_rate", -1e-9),
            ("training.warmup", 1.0),
            ("training.ema", 1.0),
            ("training.validation_targets", 0),
            ("training.rng_seed", -1),
            ("training.rng_seed", 2**31),
        ],
    )
    def test_a_value_out_of_range_is_told_with_the_key_and_the_value(self, key, value):
        message = refused({key: value}, f"'{key}'", f"Received: {value}")
        assert re.match(r"Expected '[a-z_.]+' (to be|of|in|between|greater)", message)

    def test_a_configuration_made_in_code_is_checked_too(self):
        with pytest.raises(ConfigError, match=r"'network\.width'"):
            Config(network=NetworkConfig(width=-1))
        with pytest.raises(ConfigError, match=r"'training\.epochs'"):
            config_from_dict({"training": {"epochs": -1}})

    def test_one_branch_takes_one_head(self):
        home = {"task.branches": "home"}
        assert make_config("nano", overrides=home).network.heads == 0
        assert make_config("nano", overrides={**home, "network.heads": 1}).network.heads == 1
        refused({**home, "network.heads": 2}, "'network.heads'", "task.branches = 'home'", "2")

    @pytest.mark.parametrize(
        ("key", "value", "chosen"),
        [
            ("network.width", -1, "0 to let it be chosen"),
            ("network.blocks", -2, "-1 to let it be chosen"),
            ("network.heads", -1, "0 to let it be chosen"),
            ("mining.share", -2.0, "-1 to let it be chosen"),
            ("data.curriculum", -2.0, "-1 to let it be chosen"),
            ("training.epochs", -1, "0 to let it be chosen"),
            ("training.learning_rate", -1.0, "0 to let it be chosen"),
        ],
    )
    def test_what_may_be_left_open_is_said_with_the_refusal(self, key, value, chosen):
        refused({key: value}, chosen)


class TestHash:
    def test_it_is_short_and_depends_on_the_values_only(self):
        config = make_config("micro")
        digest = hashlib.sha256(json.dumps(config.to_dict(), sort_keys=True).encode())
        assert config.hash() == digest.hexdigest()[:16]
        assert set(config.hash()) <= set(string.hexdigits)

    @given(config=configs)
    def test_it_survives_the_file(self, tmp_path_factory, config):
        path = tmp_path_factory.getbasetemp() / "hashed.toml"
        path.write_bytes(to_toml(config).encode())
        assert read_config(path).hash() == config.hash()

    def test_every_key_counts(self):
        seen = {Config().hash()}
        for table, keys in Config().to_dict().items():
            for name, value in keys.items():
                other = {bool: not value, str: "x", tuple: (1.0, 2.0, 3.0)}.get(type(value))
                if table == "task":
                    other = {"name": "pose", "tool_axis": "x", "plane": "xz", "branches": "all"}[
                        name
                    ]
                if other is None:
                    other = value / 2 if value > 0 else 0.5
                changed = dataclasses.replace(getattr(Config(), table), **{name: other})
                seen.add(dataclasses.replace(Config(), **{table: changed}).hash())
        assert len(seen) == 1 + sum(len(keys) for keys in Config().to_dict().values())


def test_steps_are_epochs_times_their_steps():
    assert TrainingConfig(epochs=3, steps_per_epoch=7).steps == 21
