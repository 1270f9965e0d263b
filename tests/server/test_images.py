"""Dockerfile, docker-compose.yml and the proxy: what can be said without containers.

`make image-test` builds and starts them.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from api.app import MAXIMUM_BODY_BYTES
from api.errors import DETAILS, SAME_KEY, UNKNOWN, Problem
from scripts.pin import FILES, IMAGE, pinned
from scripts.system import CHECKOUT

DOCKERFILE = (CHECKOUT / "Dockerfile").read_text()
STAGES = re.split(r"^FROM ", DOCKERFILE, flags=re.M)[1:]
SERVICES: dict[str, Any] = yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text())["services"]
NGINX = CHECKOUT / "deploy/nginx"
CONFIGURATION = "".join(path.read_text() for path in sorted(NGINX.glob("*.conf")))


def test_every_stage_has_a_base_that_is_pinned_by_its_digest() -> None:
    bases = dict(re.findall(r"^ARG (\w+_IMAGE)=(\S+)$", DOCKERFILE, re.M))
    for stage in STAGES:
        (name,) = re.findall(r"^\$\{(\w+)\} AS ", stage)
        assert re.fullmatch(r"[a-z]+:[\w.-]+@sha256:[0-9a-f]{64}", bases[name])


@pytest.mark.parametrize("stage", ["proxy", "telemedicine"])
def test_image_that_others_reach_runs_as_a_numbered_user_and_has_a_health_check(stage: str) -> None:
    (text,) = (s for s in STAGES if f" AS {stage}\n" in s)
    assert int(re.findall(r"^USER (\d+):\d+$", text, re.M)[-1]) > 0
    assert re.search(r"^HEALTHCHECK .*\n    CMD \[", text, re.M)


def test_image_is_one_for_api_worker_and_deployment() -> None:
    last = STAGES[-1]
    assert " AS telemedicine\n" in last
    images = {name: SERVICES[name]["image"] for name in ("api", "worker", "migrate")}
    assert len(set(images.values())) == 1
    assert all("target" not in SERVICES[name]["build"] for name in images)
    labels = set(re.findall(r"org\.opencontainers\.image\.(\w+)=", last))
    assert {"version", "revision", "source", "licenses"} <= labels


@pytest.mark.parametrize("name", SERVICES)
def test_container_of_compose_has_no_more_rights_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert name == "database" or "cap_add" not in service
    assert service["networks"]


def test_only_the_proxy_is_reached_from_other_computers() -> None:
    for name, service in SERVICES.items():
        for port in service.get("ports", []):
            assert name == "proxy" or port.startswith("127.0.0.1:")
    # Or a second instance could not start, and a client could choose its address.
    assert "ports" not in SERVICES["api"]
    assert SERVICES["api"]["environment"]["TRUSTED_PROXIES"] == "${TRUSTED_PROXIES:-1}"
    assert "X-Forwarded-For $proxy_add_x_forwarded_for;" in CONFIGURATION
    assert [n for n, s in SERVICES.items() if "data" in s["networks"]] == [
        *("database", "migrate", "api", "worker", "prometheus")
    ]


def test_plain_start_has_no_service_of_a_profile() -> None:
    started = {name for name, service in SERVICES.items() if "profiles" not in service}
    assert started == {"database", "migrate", "api", "worker", "proxy"}


def test_files_that_compose_mounts_are_there() -> None:
    mounted = [
        volume.partition(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
        if volume.startswith("./")
    ]
    assert mounted
    assert all((CHECKOUT / path).is_dir() for path in mounted), mounted


def test_limits_of_the_proxy_are_those_of_the_api() -> None:
    text = (CHECKOUT / "gunicorn.conf.py").read_text()
    settings = {name: int(value) for name, value in re.findall(r"^(\w+) = (\d+)", text, re.M)}
    assert f"client_max_body_size {MAXIMUM_BODY_BYTES // 1024}k;" in CONFIGURATION
    assert f"client_body_buffer_size {MAXIMUM_BODY_BYTES // 1024}k;" in CONFIGURATION
    assert settings["limit_request_line"] <= 8 * 1024
    assert "large_client_header_buffers 8 8k;" in CONFIGURATION
    assert f"proxy_read_timeout {settings['timeout']}s;" in CONFIGURATION
    (rest,) = re.findall(r"keepalive_timeout (\d+)s;", (NGINX / "start.sh").read_text())
    assert int(rest) < 2 < settings["keepalive"]  # docs/operations.md


@pytest.mark.parametrize("status", [400, 413, 414, 431, 503])
def test_problem_of_the_proxy_is_that_of_the_api(status: int) -> None:
    (text,) = re.findall(rf"^    return {status} '(.*)';$", (NGINX / "api.conf").read_text(), re.M)
    problem = json.loads(text)
    expected = Problem(status, problem["detail"]).body(problem["request_id"])
    assert text == expected
    assert problem["request_id"] == "$given_request_id"


def test_proxy_says_what_the_api_says_when_an_outcome_is_unknown() -> None:
    text = CONFIGURATION.replace("The connection to the database was lost. ", "")
    for sentence in (DETAILS[503], SAME_KEY):
        assert f'"{sentence}";' in text
    unknown = UNKNOWN.partition(". ")[2]
    assert f'"The service is temporarily unavailable. {unknown}";' in text


def test_problem_413_has_the_text_of_the_api() -> None:
    assert f"send at most {MAXIMUM_BODY_BYTES // 1024} KiB." in CONFIGURATION


def test_secrets_of_clients_come_into_no_log_of_the_proxy() -> None:
    (line,) = re.findall(r"log_format noted (.*?);", CONFIGURATION, re.S)
    names = set(re.findall(r"\$(\w+)", line))
    assert not names & {"request", "request_uri", "uri", "args", "remote_addr", "http_referer"}
    assert "error_log stderr crit;" in CONFIGURATION


def test_pin_finds_every_image_of_others_and_replaces_its_digest() -> None:
    for name in FILES:
        text = (CHECKOUT / name).read_text()
        images = [image for _, image, _ in IMAGE.findall(text)]
        assert len(images) == 3
        digests = {image: f"sha256:{n:064}" for n, image in enumerate(images)}
        once = pinned(text, digests)
        assert pinned(once, digests) == once
        for image, digest in digests.items():
            assert once.count(f"{image}@{digest}") == 1
        assert len(re.findall("sha256:", once)) == 3
