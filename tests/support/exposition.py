"""Reads the text format of Prometheus."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from tests.support.client import request


@dataclass(frozen=True)
class Scrape:
    """The samples of one scrape."""

    samples: list[tuple[str, dict[str, str], float]]

    def value(self, name: str, **labels: str) -> float:
        """The sum of the samples that have these labels, among others; 0 if there is none."""
        return sum(
            value
            for found, given, value in self.samples
            if found == name and labels.items() <= given.items()
        )

    @property
    def names(self) -> set[str]:
        return {name for name, _, _ in self.samples}


def parse(text: str) -> Scrape:
    return Scrape(
        [
            (s.name, dict(s.labels), s.value)
            for family in text_string_to_metric_families(text)
            for s in family.samples
        ]
    )


def scrape(address: str, token: str = "") -> Scrape:
    """Get the metrics of an API or a worker."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = request("GET", address + "/metrics", headers=headers)
    assert answer.status_code == 200, answer.text
    return parse(answer.text)
