"""Does every answer keep the manners of HTTP: errors, limits, logs, idempotency, the document?"""
