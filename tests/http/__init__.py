"""Tests of HTTP in general: errors, rate limits, logs, health, idempotency, OpenAPI."""
