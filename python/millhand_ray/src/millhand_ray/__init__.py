"""The bridge between a millhand server and Ray, and the Python workers that run there."""

__version__ = "0.1.0"
