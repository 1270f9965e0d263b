"""Does it start, stop, deploy and configure as the manuals say?"""
