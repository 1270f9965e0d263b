"""Does what must always hold also hold for random histories?"""
