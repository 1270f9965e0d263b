"""One module per domain: schemas, then routes. create_app registers the `blp` of each module."""
