"""Creates the tables: `python -m clinic.create`."""

import asyncio

from clinic.database import engine
from clinic.models import Base


async def main() -> None:
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    await engine.dispose()


if __name__ == "__main__":
    asyncio.run(main())
