"""Settings from the environment."""

import os

DATABASE_URL = os.environ["DATABASE_URL"]
POOL_SIZE = int(os.environ.get("POOL_SIZE", "4"))
SECRET_KEY = os.environ["SECRET_KEY"]
TOKEN_ISSUER = "telemedicine"
TOKEN_AUDIENCE = "telemedicine-api"
