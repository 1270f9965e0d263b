"""One module per domain, schemas above and routes below; each module's `blp` is found by itself."""
