"""The processor's prefetch instruction, which Numba does not offer: ask for a line, do not wait.

The address is not read, so it may lie outside the array.
"""

from __future__ import annotations

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

BYTE = ir.IntType(8).as_pointer()
WORD = ir.IntType(32)
READ, KEEP_IN_ALL_CACHES, DATA = 0, 3, 1


@intrinsic
def prefetch(typing_context, array, i, j):
    """Fetch the cache line of array[i, j]."""

    def generate(context, builder, signature, arguments):
        kind = signature.args[0]
        value = context.make_array(kind)(context, builder, arguments[0])
        pointer = cgutils.get_item_pointer(context, builder, kind, value, list(arguments[1:]))
        function = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(ir.VoidType(), [BYTE, WORD, WORD, WORD]),
            "llvm.prefetch.p0",
        )
        flags = [ir.Constant(WORD, flag) for flag in (READ, KEEP_IN_ALL_CACHES, DATA)]
        builder.call(function, [builder.bitcast(pointer, BYTE), *flags])
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp), generate
