"""NVRTC of the wheel `nvidia-cuda-nvrtc-cu12` through its C interface: no driver, no GPU."""

from __future__ import annotations

import ctypes
import importlib.util
import pathlib
from functools import lru_cache

__all__ = ["CompileError", "compile_source", "find"]


class CompileError(AssertionError):
    """What NVRTC said about a source."""


def find() -> pathlib.Path | None:
    """The compiler library of the installed wheel."""
    try:
        spec = importlib.util.find_spec("nvidia.cuda_nvrtc")
    except ModuleNotFoundError:
        return None
    for folder in (spec and spec.submodule_search_locations) or []:
        for path in sorted(pathlib.Path(folder).glob("lib/libnvrtc.so.*")):
            return path
    return None


@lru_cache
def _nvrtc() -> ctypes.CDLL:
    library = ctypes.CDLL(str(find()))
    library.nvrtcGetErrorString.restype = ctypes.c_char_p
    return library


def compile_source(text: str, name: str, options: tuple[str, ...]) -> bytes:
    """Machine code of CUDA source, or PTX if that is what the architecture compute_… asks for.

    Raises `CompileError` with the compiler's messages.
    """
    nvrtc = _nvrtc()
    program = ctypes.c_void_p()
    made = nvrtc.nvrtcCreateProgram(
        ctypes.byref(program), text.encode(), name.encode(), 0, None, None
    )
    if made:
        raise CompileError(nvrtc.nvrtcGetErrorString(made).decode())
    try:
        flags = [option.encode() for option in options]
        code = nvrtc.nvrtcCompileProgram(
            program, len(flags), (ctypes.c_char_p * len(flags))(*flags)
        )
        size = ctypes.c_size_t()
        nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size))
        log = ctypes.create_string_buffer(size.value)
        nvrtc.nvrtcGetProgramLog(program, log)
        if code:
            raise CompileError(f"{nvrtc.nvrtcGetErrorString(code).decode()}\n{log.value.decode()}")
        what = "PTX" if any("compute_" in option for option in options) else "CUBIN"
        getattr(nvrtc, f"nvrtcGet{what}Size")(program, ctypes.byref(size))
        result = ctypes.create_string_buffer(size.value)
        getattr(nvrtc, f"nvrtcGet{what}")(program, result)
        return result.raw
    finally:
        nvrtc.nvrtcDestroyProgram(ctypes.byref(program))
