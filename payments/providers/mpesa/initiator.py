"""The initiator: the operator of the M-PESA organisation portal in whose name money leaves and questions are asked."""

import hashlib
import logging
from collections.abc import Mapping
from typing import Any

from django.core.cache import cache
from redis.exceptions import RedisError

from payments.exceptions import ProviderUnreachable

logger = logging.getLogger(__name__)

# Results that speak of our own credential: wrong, unknown, and locked.
_WRONG = {"18", "20", "2001"}
_LOCKED = "8006"
# Each wrong try brings the operator nearer to being locked, so we stop ourselves first.
_MOST_WRONG = 2


class Initiator:
    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.name: str = settings["INITIATOR_NAME"]
        self.credential: str = settings["SECURITY_CREDENTIAL"]
        digest = hashlib.sha256(f"{settings['BASE_URL']}\n{self.name}\n{self.credential}".encode()).hexdigest()
        # Named after the credential: a new one starts afresh by itself.
        self._cache_key = f"mpesa-initiator-refusals:{digest[:32]}"

    @property
    def is_configured(self) -> bool:
        return bool(self.name and self.credential)

    @property
    def is_stopped(self) -> bool:
        return len(self._refusals()) >= _MOST_WRONG

    def check(self) -> None:
        """Refuse to use a credential that M-PESA has refused twice in a row.

        Raises:
            ProviderUnreachable: nothing is sent until the credential is changed.
        """
        if self.is_stopped:
            logger.error("mpesa_initiator_stopped")
            raise ProviderUnreachable("M-PESA has refused the initiator's credential; set a new one")

    def note_result(self, code: str, conversation_id: str) -> None:
        """Count a result that refuses the credential, each conversation once; any other result starts afresh."""
        refusals = self._refusals()
        if code not in _WRONG and code != _LOCKED:
            if refusals and not self.is_stopped:
                self._store([])
            return
        refusals = [*(known for known in refusals if known != conversation_id), conversation_id]
        self._store(refusals if code in _WRONG else [conversation_id] * _MOST_WRONG)
        logger.error("mpesa_initiator_refused", extra={"code": code, "in_a_row": len(refusals)})

    def forget_refusals(self) -> None:
        """Let the same credential be tried again, after a person has unlocked it in the portal."""
        self._store([])

    def _refusals(self) -> list[str]:
        try:
            return list(cache.get(self._cache_key) or [])
        except RedisError:
            return []

    def _store(self, refusals: list[str]) -> None:
        try:
            cache.set(self._cache_key, refusals[-_MOST_WRONG:], timeout=None)
        except RedisError:
            logger.warning("initiator_cache_unavailable")
