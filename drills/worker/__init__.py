"""The worker while it is killed, stopped and cut off."""
