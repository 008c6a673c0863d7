"""Whole cases as data: each is played through the real stack in each style, see docs/development.md."""
