"""Hot loops: one folder each, whose `__init__` is the contract and whose `cpu` is the Numba code.

Kernels import NumPy and Numba only, and Numba not before the first call. They are serial and
release the GIL; callers thread over row blocks, so no answer depends on the number of threads.
Where there is a `cuda.cu`, arrays on a GPU take it: see `dispatch`.
"""
