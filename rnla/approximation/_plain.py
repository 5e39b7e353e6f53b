"""Records, measures and bases as plain names, numbers and arrays, for files without pickles.

Only classes named here are written or made again: a file can do no more than fill in their
arguments, which their constructors check.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .._errors import ArgumentTypeError, argument_error
from .._result import Status
from .b_splines import BSplines
from .designs._record import Design
from .fourier import Fourier
from .measures import (
    Chebyshev,
    Discrete,
    DiscreteLine,
    Exponential,
    Gamma,
    Gaussian,
    Jacobi,
    Measure,
    Product,
    Uniform,
)
from .orthogonal_polynomials import OrthogonalPolynomials
from .piecewise import Haar, PiecewiseLegendre
from .tensor_basis import TensorBasis

__all__ = ["pack", "unpack"]

Arrays = dict[str, npt.NDArray[Any]]

# Arguments of the constructors, which are also the names of the attributes.
_MEASURES: dict[type[Any], tuple[str, ...]] = {
    Uniform: ("low", "high"),
    Chebyshev: ("low", "high"),
    Jacobi: ("a", "b", "low", "high"),
    Gaussian: ("mean", "std"),
    Gamma: ("alpha", "scale"),
    Exponential: ("scale",),
    DiscreteLine: ("points", "weights"),
}
_FAMILIES: dict[type[Any], tuple[str, ...]] = {
    OrthogonalPolynomials: (),
    Fourier: (),
    Haar: (),
    PiecewiseLegendre: ("cells", "degree"),
    BSplines: ("breaks", "degree"),
}


def pack(value: Any, arrays: Arrays) -> Any:
    """The value in terms of JSON; arrays go to `arrays` and leave their names."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return pack(value.item(), arrays)
    if isinstance(value, np.ndarray):
        name = f"array{len(arrays)}"
        arrays[name] = value
        return {"array": name}
    if isinstance(value, tuple | list):
        return {"tuple": [pack(entry, arrays) for entry in value]}
    if isinstance(value, complex):
        return {"complex": [value.real, value.imag]}
    if isinstance(value, Status):
        return {"status": value.name}
    if isinstance(value, Measure):
        return {"measure": _pack_measure(value, arrays)}
    if isinstance(value, TensorBasis):
        return {"basis": _pack_basis(value, arrays)}
    if is_dataclass(value) and not isinstance(value, type):
        content = {entry.name: pack(getattr(value, entry.name), arrays) for entry in fields(value)}
        return {"record": type(value).__name__, "fields": content}
    raise _unknown("a value", value, "numbers, text, arrays, records and a TensorBasis")


def unpack(packed: Any, arrays: Arrays, records: dict[str, type[Any]]) -> Any:
    """What `pack` was given; LookupError, TypeError or ValueError if it cannot be."""
    if not isinstance(packed, dict):
        return packed
    if "array" in packed:
        return arrays[packed["array"]]
    if "tuple" in packed:
        return tuple(unpack(entry, arrays, records) for entry in packed["tuple"])
    if "complex" in packed:
        return complex(*packed["complex"])
    if "status" in packed:
        return Status[packed["status"]]
    if "measure" in packed:
        return _unpack_measure(packed["measure"], arrays)
    if "basis" in packed:
        return _unpack_basis(packed["basis"], arrays)
    content = packed["fields"].items()
    known: dict[str, type[Any]] = {"Design": Design, **records}
    kind = known[packed["record"]]
    return kind(**{name: unpack(entry, arrays, records) for name, entry in content})


def _pack_measure(measure: Measure, arrays: Arrays) -> list[Any]:
    if type(measure) is Product:
        return ["Product", *(_pack_measure(factor, arrays) for factor in measure.marginals)]
    names = ("points", "weights") if type(measure) is Discrete else _MEASURES.get(type(measure))
    if names is None:
        raise _unknown("measure", measure, "a measure of rnla.approximation")
    return [type(measure).__name__, *(pack(getattr(measure, name), arrays) for name in names)]


def _unpack_measure(packed: list[Any], arrays: Arrays) -> Measure:
    name, *rest = packed
    if name == "Product":
        return Product([_unpack_measure(entry, arrays) for entry in rest])
    values = [unpack(entry, arrays, {}) for entry in rest]
    if name == "Discrete":
        measure = Discrete(*values)
        # Their sum is 1 already: scaling it again would change the last digit.
        values[1].flags.writeable = False
        measure.weights = values[1]
        return measure
    line: Measure = {kind.__name__: kind for kind in _MEASURES}[name](*values)
    return line


def _pack_basis(basis: TensorBasis, arrays: Arrays) -> dict[str, Any]:
    families = []
    for family in basis.families:
        names = _FAMILIES.get(type(family))
        if names is None:
            raise _unknown("basis", family, "families of rnla.approximation")
        arguments = {name: pack(getattr(family, name), arrays) for name in names}
        families.append([type(family).__name__, arguments])
    measure = _pack_measure(basis.measure, arrays)
    return {"measure": measure, "indices": pack(basis.indices, arrays), "families": families}


def _unpack_basis(packed: dict[str, Any], arrays: Arrays) -> TensorBasis:
    measure = _unpack_measure(packed["measure"], arrays)
    kinds = {kind.__name__: kind for kind in _FAMILIES}
    families = [
        kinds[name](marginal, **{key: unpack(value, arrays, {}) for key, value in given.items()})
        for marginal, (name, given) in zip(measure.marginals, packed["families"], strict=True)
    ]
    return TensorBasis(measure, unpack(packed["indices"], arrays, {}), families=families)


def _unknown(name: str, got: object, expected: str) -> Exception:
    return argument_error(
        name,
        f"a {type(got).__name__}, which cannot be written",
        expected,
        "Keep the values at the design's points, and fit again when you need it.",
        kind=ArgumentTypeError,
    )
