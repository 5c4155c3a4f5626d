"""The in-memory store keeps the contract of the port.

The tests themselves are in `store_contract`, so that every other store is held to the same.
"""

from __future__ import annotations

import pytest

from services.identity.adapters.memory import MemoryIdentityStore
from services.identity.ports import IdentityStore
from tests.unit.identity.store_contract import IdentityStoreContract


class TestMemoryIdentityStore(IdentityStoreContract):
    """The contract, on memory."""

    @pytest.fixture
    def store(self) -> IdentityStore:
        """A fresh store."""
        return MemoryIdentityStore()
