"""Figures as SVG: positions and elements, no styles; what they look like is in console.css.

Pure. Each figure has a title and a description for those who do not see it, and the page has a
table with the same figures.
"""
