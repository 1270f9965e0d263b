"""Schemathesis sends requests that it makes from the OpenAPI document, as every role."""
