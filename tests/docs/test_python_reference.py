"""The reference of Python names nothing without a word."""

import textwrap

import griffe
import pytest


@pytest.fixture
def reference(pages_module):
    return pages_module("python_reference")


def test_every_public_name_has_a_word(reference, source_root):
    missing = []
    pages = reference.python_reference(source_root, missing.append)
    assert missing == []
    assert len(pages) > 30
    solving = pages["reference/python/firmware_host.solving.md"]
    assert "::: firmware_host.solving.solution\n" in solving  # modules of a room are on its page


def test_what_has_none_is_found(reference):
    source = """
        Alias = dict[str, int]
        Told = dict[str, int]
        '''An alias.'''
        LIMIT = 3
        logger = None

        class Base:
            '''One.

            Attributes:
                size: Of it.
            '''
            size: int = 1

        class Below(Base):
            '''Two.

            Args:
                given: What it is of.

            Attributes:
                x, y: Two in one line, of which one is seen.
            '''
            size: int = 2
            x: int
            y: int
            _hidden: int

            def __init__(self, given):
                self.given = given

            @property
            def bare(self): return 1

            def method(self): pass

        def function(): pass
    """
    with griffe.temporary_visited_package(
        "odd", {"__init__.py": "", "room.py": textwrap.dedent(source)}
    ) as package:
        found = reference._undocumented(package["room"])
    names = ["Alias", "Below.y", "Below.bare", "Below.method", "function"]
    assert sorted(found) == sorted(f"odd.room.{name}" for name in names)
