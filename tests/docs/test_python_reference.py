"""The reference of Python shows all, and finds what has no word; its build says of which names."""

import textwrap

import griffe
import pytest


@pytest.fixture
def reference(pages_module):
    return pages_module("python_reference")


def test_modules_of_a_room_are_on_its_page(reference):
    files = {"__init__.py": "", "room/__init__.py": "", "room/inner/deep.py": "", "room/one.py": ""}
    files["room/inner/__init__.py"] = ""
    with griffe.temporary_visited_package("odd", files) as package:
        page = reference._page(package["room"])
    shown = [line.removeprefix("::: ") for line in page.splitlines() if line.startswith(":::")]
    assert shown[0] == "odd.room"
    assert {"odd.room.inner", "odd.room.inner.deep", "odd.room.one"} == set(shown[1:])


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
