"""The least that Flask answers, under our worker."""

from flask import Flask, Response

from api import config

app = Flask("hello")
app.config["SETTINGS"] = config.load()  # which the worker reads


@app.get("/")
@app.get("/health")
def hello() -> Response:
    return Response('{"hello":"world"}', mimetype="application/json")
