"""The least that Flask answers, under our worker."""

from flask import Flask, Response

app = Flask("hello")


@app.get("/")
@app.get("/health")
def hello() -> Response:
    return Response('{"hello":"world"}', mimetype="application/json")
