"""A clinic with the same rules of booking, as a team would write it with FastAPI and SQLAlchemy."""
