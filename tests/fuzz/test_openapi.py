"""The API against its document: schemathesis in all phases, and hostile values in every place.

Three kinds of callers ask a service whose other realm is marked. `make fuzz-api` asks for longer.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.contract.api.populated import ACCOUNT, ALL_SCOPES, MARK, SEGMENT, Populated, populated
from tests.contract.api.services import OTHER_REALM, REALM
from tests.fuzz.api import SETTINGS, ask, callers
from tests.fuzz.api_values import fault_of, operations, sampled
from tests.tiers import LONG

EXAMPLES = 2
"""Of each operation and phase."""
CALLERS = [
    ("every scope", ("examples",)),
    pytest.param("every scope", ("coverage", "stateful"), marks=LONG),
    ("masked", ("fuzzing",)),
    ("no key", ("examples", "fuzzing")),
]
"""Who asks in which phases: each phase once by somebody who may ask, to keep the tests short."""


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Populated]:
    """A running service with data, whose limits slow nobody down."""
    with populated(tmp_path_factory.mktemp("asked"), **SETTINGS) as made:
        yield made


@pytest.mark.parametrize(("caller", "phases"), CALLERS)
def test_answers_are_those_of_the_document(
    caller: str, phases: tuple[str, ...], asked: Populated, tmp_path: Path
) -> None:
    """No server error, no undocumented status, header or form; no value of another realm."""
    found = ask(asked, callers(asked)[caller], EXAMPLES, 1, tmp_path, phases)
    assert found.failures == [], found.printed
    assert found.cases > found.operations
    assert MARK not in found.printed


SHARE = 0.06
"""Of the hostile requests, in one run."""


def test_hostile_values(asked: Populated) -> None:
    """No value in any place gives a server error, an undocumented status, or another realm's."""
    with asked.service.client(*ALL_SCOPES) as client:
        faults = [
            f"{one.operation} {one.what}: {fault}"
            for one in sampled(asked, SHARE, seed=1)
            if (fault := fault_of(client, one))
        ]
    assert faults == []


def cursors(asked: Populated, realm: str) -> dict[str, str]:
    """The cursor of the second page of every list that has one, by operation."""
    found = {}
    profile_id = asked.profile_id if realm == REALM else asked.other_profile_id
    with asked.service.client(*ALL_SCOPES, realm=realm) as client:
        for name, (method, path, described) in operations().items():
            named = {one["name"] for one in described.get("parameters", [])}
            if method != "GET" or not {"cursor", "limit"} <= named:
                continue
            if "{incident_id}" in path and realm != REALM:
                continue  # it has none
            url = path.replace("{profile_id}", profile_id)
            url = url.replace("{incident_id}", asked.incident_id)
            url = url.replace("{account_id}", ACCOUNT).replace("{segment}", SEGMENT)
            answer = client.get(url, params={"limit": 1})
            assert answer.status_code == httpx.codes.OK, (name, answer.text)
            found[name] = answer.json()["page"]["next"] or ""
    return {name: cursor for name, cursor in found.items() if cursor}


def test_a_cursor_belongs_to_one_list_and_realm(asked: Populated) -> None:
    """A cursor of another list, of another realm, cut or changed is told to be none."""
    own, foreign = cursors(asked, REALM), cursors(asked, OTHER_REALM)
    assert len(own) >= 4
    with asked.service.client(*ALL_SCOPES) as client:
        for name in own:
            url = operations()[name][1].replace("{profile_id}", asked.profile_id)
            url = url.replace("{incident_id}", asked.incident_id)
            url = url.replace("{account_id}", ACCOUNT).replace("{segment}", SEGMENT)
            good = client.get(url, params={"cursor": own[name], "limit": 1})
            assert good.status_code == httpx.codes.OK, (name, good.text)
            assert MARK not in good.text
            flipped = own[name][:-1] + ("A" if own[name][-1] != "A" else "B")
            others = [cursor for other, cursor in own.items() if other != name]
            for bad in (*others, *foreign.values(), flipped, own[name][:-1], own[name] + "A"):
                answer = client.get(url, params={"cursor": bad, "limit": 1})
                assert answer.status_code == httpx.codes.BAD_REQUEST, (name, bad, answer.text)
                assert MARK not in answer.text


def test_ids_of_another_realm_are_unknown(asked: Populated) -> None:
    """An id that another realm has is answered as one that nobody has, word for word."""
    unknown = "0123abcd-0000-4000-8000-000000000000"
    with asked.service.client(*ALL_SCOPES) as client:
        for name, (method, path, _described) in operations().items():
            if method != "GET" or "{profile_id}" not in path:
                continue
            foreign = client.get(path.replace("{profile_id}", asked.other_profile_id))
            nobody = client.get(path.replace("{profile_id}", unknown))
            assert foreign.status_code == nobody.status_code == httpx.codes.NOT_FOUND, name
            same = [{**one.json(), "request_id": ""} for one in (foreign, nobody)]
            assert str(same[0]).replace(asked.other_profile_id, unknown) == str(same[1])
        ids = [asked.other_profile_id, asked.profile_id]
        batch = client.post("/v1/profiles/batch", json={"ids": ids})
        assert [one["profile"] is None for one in batch.json()["data"]] == [True, False]
        assert MARK not in batch.text
        marked = {"identifiers": [{"type": "email", "value": f"{MARK}.{asked.email}"}]}
        assert client.post("/v1/profiles/lookup", json=marked).status_code == 404
        found = client.post("/v1/profiles/search", json={"text": MARK})
        assert found.json()["data"] == []
