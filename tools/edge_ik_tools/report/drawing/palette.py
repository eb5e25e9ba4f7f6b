"""The colours of pictures by what they mean, for light and for dark.

Steps and branches are told apart by colours that the colour-blind tell apart, too (Okabe and Ito,
"Color Universal Design", 2008; Tol, "Colour schemes", SRON technical note, 2021), made a little
lighter on dark. Marks stand out from the paper by a contrast of 3 at least and text by 4.5, as the
Web Content Accessibility Guidelines (W3C, 2018, 1.4.3 and 1.4.11) ask; `faint` and `grid` are for
lines around the marks. The scale of errors goes from blue over sand to red, whose lightness falls.
"""

from __future__ import annotations

# The network alone, then each step.
STEPS_LIGHT = ("#c4501b", "#b3830c", "#1f8f6b", "#1f66b0", "#7a4fa3", "#5c6670", "#9a5a7d")
STEPS_DARK = ("#f0814d", "#f0b44a", "#4cc79b", "#68a9ee", "#b592dd", "#a5afb9", "#d79abb")
# Models side by side, and branches; the last is for all others.
GROUPS_LIGHT = (
    "#1f66b0", "#c4501b", "#1f8f6b", "#a8408a", "#b3830c", "#3f8fae",
    "#7a4fa3", "#7c8c28", "#b8433f", "#4c5d8f", "#8f6a3c", "#2f7f7f", "#8b939b",
)  # fmt: skip
GROUPS_DARK = (
    "#68a9ee", "#f0814d", "#4cc79b", "#e08cc6", "#e6bd55", "#7cc8e3",
    "#b592dd", "#b9cb62", "#ef8a86", "#93a6e0", "#cfa876", "#6cc4c4", "#868f99",
)  # fmt: skip
MOST_GROUPS = len(GROUPS_LIGHT) - 1

ERROR_STOPS = (0.0, 0.25, 0.5, 0.75, 1.0)
ERROR_LIGHT = ("#2b5fa8", "#6ba3c9", "#d8b85e", "#dd7a35", "#a51d24")
ERROR_DARK = ("#4f8fe0", "#79b8dc", "#e8cf7d", "#f09550", "#ee5a52")


def _named(kind: str, colors: tuple[str, ...]) -> dict[str, str]:
    return {f"{kind}{index}": color for index, color in enumerate(colors)}


LIGHT = {
    "paper": "#ffffff", "ink": "#23272e", "muted": "#606872", "faint": "#b9c0c8", "grid": "#e7eaee",
    "accent": "#1f66b0", "good": "#1a7650", "fair": "#9a6a00", "bad": "#b3261e", "robot": "#3b424c",
    "joint": "#c4501b", "range": "#c07a42", "back": "#868e97",
    "x": "#c0392b", "y": "#2e8b57", "z": "#2b5fa8",
    **_named("step", STEPS_LIGHT), **_named("group", GROUPS_LIGHT),
}  # fmt: skip
DARK = {
    "paper": "#171a1f", "ink": "#e6e9ed", "muted": "#9aa3ae", "faint": "#596270", "grid": "#2a3038",
    "accent": "#68a9ee", "good": "#5fd0a0", "fair": "#e6bd55", "bad": "#ef8a86", "robot": "#d4dae2",
    "joint": "#f0814d", "range": "#a97f5d", "back": "#77818d",
    "x": "#ef8a86", "y": "#6fcf9a", "z": "#79aef0",
    **_named("step", STEPS_DARK), **_named("group", GROUPS_DARK),
}  # fmt: skip


def group(index: int) -> str:
    """The word for the colour of one of several; those beyond the known share the last."""
    return f"group{min(index, MOST_GROUPS)}"


def step(index: int) -> str:
    """The word for the colour of a number of steps; 0 is the network alone."""
    return f"step{index % len(STEPS_LIGHT)}"
