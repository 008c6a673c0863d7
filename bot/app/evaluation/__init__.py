"""Measures how well the bot understands what real shoppers ask, against labelled queries of anybody's."""
