"""What training samples are drawn from, and how that moves over training."""

from __future__ import annotations

from dataclasses import dataclass

from edge_ik.data.pool import JointPool
from edge_ik.data.region import Region
from firmware_host.chain import FloatArray
from firmware_host.normalization import Normalization


@dataclass(frozen=True)
class Curriculum:
    """What moves over training, linearly until `share` of it is over.

    Attributes:
        range_start: Share of the joint range around home that is sampled at first;
            all of it at the end.
        focus_start: Share of focus samples at first.
        focus_end: Share of focus samples at the end.
        share: Share of training after which both stay as they are; 0 for no curriculum.
    """

    range_start: float
    focus_start: float
    focus_end: float
    share: float


@dataclass(frozen=True, eq=False)
class SampleSource:
    """Everything a batch is drawn from.

    Attributes:
        aspect: The region that samples stay in.
        pool: Uniform joint vectors.
        focus_q: (K, n) joint vectors along the focus path [rad]; (0, n) without one.
        focus_spread: Standard deviation of samples around the path, as a share of
            each joint's range.
        normalization: Statistics of the features.
        curriculum: What moves over training.
    """

    aspect: Region
    pool: JointPool
    focus_q: FloatArray
    focus_spread: float
    normalization: Normalization
    curriculum: Curriculum
