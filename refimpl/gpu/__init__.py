"""The GPU room: the same rooms and file names once more, as CUDA kernels on CuPy arrays.

The scalar mathematics is that of ``refimpl/scalars``, compiled for the device; argument checks, residuals and gradients
are those of the operator's CPU file, which also has the derivation. Nothing here is imported before a CuPy array arrives.
"""
