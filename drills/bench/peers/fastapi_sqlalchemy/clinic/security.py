"""The access token of a request."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

import jwt
from fastapi import Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from clinic import settings

REQUIRED = ["iss", "aud", "exp", "iat", "sub", "role"]


@dataclass(frozen=True, slots=True)
class Caller:
    id: UUID
    role: str


async def caller(
    credentials: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())],
) -> Caller:
    try:
        claims = jwt.decode(
            credentials.credentials,
            settings.SECRET_KEY,
            algorithms=["HS256"],
            issuer=settings.TOKEN_ISSUER,
            audience=settings.TOKEN_AUDIENCE,
            options={"require": REQUIRED},
        )
        return Caller(UUID(claims["sub"]), claims["role"])
    except (jwt.InvalidTokenError, ValueError):
        raise HTTPException(401, "The access token is not valid") from None


SignedIn = Annotated[Caller, Depends(caller)]


async def patient(found: SignedIn) -> Caller:
    if found.role != "patient":
        raise HTTPException(403, "Only a patient may do this")
    return found


SignedInPatient = Annotated[Caller, Depends(patient)]
