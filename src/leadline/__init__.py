"""Leadline: a lead is pushed, and the right phone rings at the right moment, once."""

__version__ = "0.1.0"
