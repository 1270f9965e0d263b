"""The leader of three nodes dies, freezes or is cut off under load; a checker compares."""
