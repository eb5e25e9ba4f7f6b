"""From the bytes of a file to its text, in the encodings that robots' files come in."""

from __future__ import annotations

import codecs
import re

from firmware_host.errors import RobotError

# UTF-32 first: its mark begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DECLARED = re.compile(rb"""^\s*<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
# What editors write where nothing is declared. GB2312 allows few bytes in a row, so Latin-1
# text hardly ever passes for it; every file passes for Latin-1.
_UNDECLARED = (("gb2312", "GB2312"), ("latin-1", "Latin-1"))


def decoded(data: bytes, source: str) -> tuple[str, tuple[str, ...]]:
    """The text of a file, and a sentence where its encoding had to be found.

    A mark at the start comes first, then what an XML declaration says, then UTF-8.

    Args:
        data: The bytes.
        source: File or robot name for sentences.

    Raises:
        RobotError: If the bytes are not text.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _text(data, encoding, source), ()
    declared = _DECLARED.match(data)
    if declared is not None:
        name = declared.group(1).decode("ascii")
        # What can be read byte by byte up to here is in no encoding of two bytes or four.
        wide = name.lower().replace("_", "-").startswith(("utf-16", "utf-32", "ucs", "utf16"))
        try:
            text = data.decode("utf-8" if wide else name)
        except (LookupError, UnicodeDecodeError):
            pass  # the declaration is wrong, as where an editor has stored the file anew
        else:
            return text, ()
    if b"\0" in data:
        raise RobotError(
            f"'{source}' is not text. Expected a robot description: URDF, xacro, MJCF or TOML.",
            source,
        )
    try:
        return data.decode("utf-8"), ()
    except UnicodeDecodeError:
        pass
    for encoding, words in _UNDECLARED:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        return text, (f"'{source}' is not UTF-8; it was read as {words}.",)
    raise AssertionError("every byte is Latin-1")


def _text(data: bytes, encoding: str, source: str) -> str:
    """The bytes in an encoding that their first bytes announce."""
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise RobotError(
            f"'{source}' begins as {encoding.upper()} text and is none further on: {error.reason} "
            f"at byte {error.start}. Store it as UTF-8.",
            source,
        ) from error
