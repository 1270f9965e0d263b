"""The clinic works while its surroundings fail; a checker compares all answers with the rows."""
