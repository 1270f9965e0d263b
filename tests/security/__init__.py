"""Does anybody see or do what they may not?"""
