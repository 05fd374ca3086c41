"""Arithmetic on arrays, compiled with Cython."""
