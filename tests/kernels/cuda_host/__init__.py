"""CUDA kernels without a GPU: the same sources run on a CPU emulator, and compiled by NVRTC."""
