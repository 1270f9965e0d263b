"""The least that FastAPI answers."""

from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()


class Hello(BaseModel):
    hello: str


@app.get("/")
@app.get("/health")
async def hello() -> Hello:
    return Hello(hello="world")
