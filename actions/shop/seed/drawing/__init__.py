"""Draws the demo products as SVG: clean shapes per kind of product in the product's own colours."""
