"""The second step of a log-in."""

from django.http import HttpRequest

from accounts import services
from accounts.models import User
from accounts.second_factor import challenges
from accounts.second_factor.models import SecondFactor
from accounts.second_factor.proof import Proof, with_proof
from accounts.tokens import TokenPair


def finish(*, request: HttpRequest, challenge: str, code: str) -> tuple[User, TokenPair]:
    """End a log-in that waits for a code of the app, or a recovery code, and begin the session.

    Raises:
        InvalidChallenge: unknown, too old or used.
        InvalidCode, TooManyTries: see ``with_proof``; the challenge stays open.
    """
    waiting = challenges.find(challenge)

    def come_in(_: SecondFactor, proof: Proof) -> TokenPair:
        challenges.use(waiting)
        return services.begin_session(request, waiting.user, by=waiting.by, second_factor=str(proof))

    return waiting.user, with_proof(waiting.user, come_in, request=request, code=code)
