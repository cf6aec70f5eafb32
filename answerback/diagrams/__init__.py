"""Drawings of dialog flows. A drawing is plain data: rendering needs neither flows nor agents."""
