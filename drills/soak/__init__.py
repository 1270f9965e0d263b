"""An hour of the clinic at a hundred times the asked load."""
