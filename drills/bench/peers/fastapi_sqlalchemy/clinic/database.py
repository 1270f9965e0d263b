"""The engine, and a session for each request."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from clinic import settings

engine = create_async_engine(settings.DATABASE_URL, pool_size=settings.POOL_SIZE, max_overflow=0)
write_sessions = async_sessionmaker(engine, expire_on_commit=False)
# One query is consistent without BEGIN and ROLLBACK, which are two more round trips.
read_sessions = async_sessionmaker(
    engine.execution_options(isolation_level="AUTOCOMMIT"),
    expire_on_commit=False,
    autoflush=False,
)


async def read_session() -> AsyncIterator[AsyncSession]:
    async with read_sessions() as session:
        yield session


async def write_session() -> AsyncIterator[AsyncSession]:
    async with write_sessions() as session:
        yield session


ReadSession = Annotated[AsyncSession, Depends(read_session)]
WriteSession = Annotated[AsyncSession, Depends(write_session)]
