"""What `make sbom` reads from an inventory, and what it refuses; packages are invented."""

from __future__ import annotations

from typing import Any

import pytest

from devtools.image.sbom import LICENSES, Component, components, differences, refused, rules, table

LOCK = """
first-part==1.0 \\
    --hash=sha256:00
second==2.0 ; sys_platform == 'win32' \\
    --hash=sha256:00
"""


def component(name: str, *licenses: dict[str, Any]) -> dict[str, Any]:
    """A component as CycloneDX has it."""
    return {"name": name, "version": "1.0", "licenses": list(licenses)}


def test_a_component_is_read_with_what_it_says() -> None:
    """Expression, id or classifier; not the text; names as registries write them."""
    text = {"license": {"name": "declared license file", "text": {"content": "MIT …"}}}
    bom = {
        "components": [
            component("b", {"license": {"id": "MIT"}}, text),
            component("A.x", {"expression": "MIT OR ISC"}, {"license": {"name": "BSD"}}),
        ]
    }
    assert components(bom) == [
        Component("a-x", "1.0", ("MIT OR ISC", "BSD")),
        Component("b", "1.0", ("MIT",)),
    ]


@pytest.mark.parametrize(
    ("licenses", "fault"),
    [
        (("MIT",), None),
        (("Apache-2.0 OR BSD-3-Clause",), None),
        (("MPL-2.0 AND (Apache-2.0 OR MIT)",), None),
        (("License :: OSI Approved :: BSD License",), None),
        (("GPL-3.0-only",), "GPL-3.0-only"),
        (("MIT AND LGPL-2.1+",), "LGPL-2.1+"),
        (("MIT", "License :: Other/Proprietary License"), "Other"),  # any that it names counts
        ((), "nothing"),
    ],
)
def test_other_licences_are_refused(licenses: tuple[str, ...], fault: str | None) -> None:
    """Each licence that a package names must be on the list; one that names none is refused."""
    told = list(refused([Component("x", "1", licenses)], rules()))
    assert bool(told) == (fault is not None)
    assert fault is None or any(fault in one for one in told)


def test_an_inventory_is_what_is_locked() -> None:
    """What is missing, what is too much, and our own package; conditions are read."""
    own, first = Component("customer360", "0", ()), Component("first-part", "1.0", ())
    assert list(differences([own, first], LOCK, "customer360")) == []
    other = Component("third", "3", ())
    assert set(differences([other], LOCK, "customer360")) == {
        "first-part 1.0 is locked, not installed",
        "third 3 is installed, not locked",
        "customer360 is not installed",
    }


def test_the_list_for_readers_names_every_package() -> None:
    """One row each."""
    assert "| x | 1 | MIT; ISC |" in table([Component("x", "1", ("MIT", "ISC"))])
    assert LICENSES.is_file()
