#!/bin/sh
# Compile pyproject.toml, and what the benchmark needs, into the lock files: exact versions with
# hashes, for every supported Python and platform, and no word about where they are downloaded from.
set -eu
cd "$(dirname "$0")/.."

export UV_CUSTOM_COMPILE_COMMAND="make lock"
compile() {
    .venv/bin/python -m uv pip compile --quiet --universal --python-version 3.11 \
        --generate-hashes --no-emit-index-url --no-emit-find-links "$@"
}

compile -o requirements.txt pyproject.toml "$@"
compile -o requirements-tracing.txt --extra tracing -c requirements.txt pyproject.toml "$@"
compile -o requirements-dev.txt --extra dev --extra tracing -c requirements-tracing.txt pyproject.toml "$@"
compile -o requirements-uv.txt --group bootstrap "$@"
compile -o requirements-load.txt --group load "$@"
compile -o requirements-browser.txt --group browser "$@"
compile -o requirements-clients.txt --group clients "$@"
compile -o requirements-failover.txt --group failover "$@"
compile -o requirements-images.txt --group images "$@"
compile -o requirements-kubernetes.txt --group kubernetes "$@"
for folder in drills/bench/tools drills/bench/peers/fastapi_sqlalchemy; do
    compile -o "$folder/requirements.txt" "$folder/requirements.in" "$@"
done
