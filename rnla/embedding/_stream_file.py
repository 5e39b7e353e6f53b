"""The file of an `OnlineEmbedding`: arrays in an .npz archive and one JSON text; docs/streams.rst.

Nodes lie one behind the other in a few long arrays, with their owner: the number of a finished
part, or -1 for the live one. A summary (Gram matrix or scoring state) has an owner too.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from ..sampling._archive import damage_reported, read_archive, write_archive
from ..scores import OnlineScores
from ._node import Node, joined
from ._one_pass import OnePass
from ._stream_options import Options, Plan
from ._stream_state import Live, Part, Summary
from ._tree import Tree

__all__ = ["read_state", "write_state"]

_KIND = "OnlineEmbedding"
_LIVE = -1
_PLAN = ("size", "leaf", "most", "columns", "dtype", "is_sparse")
State = tuple[Options, int, Plan | None, tuple[Part, ...], Live | None]


def write_state(
    path: str | os.PathLike[str],
    options: Options,
    next_row: int,
    plan: Plan | None,
    parts: tuple[Part, ...],
    live: Live | None,
) -> None:
    """Write everything, whole or not at all."""
    # JSON has neither infinity nor safe large integers.
    plain = {**asdict(options), "seed": str(options.seed)}
    if options.max_size == math.inf:
        plain["max_size"] = "inf"
    meta: dict[str, Any] = {"options": plain, "next_row": next_row, "plan": None, "live": None}
    arrays: dict[str, npt.NDArray[Any]] = {}
    if plan is not None:
        meta["plan"] = {name: getattr(plan, name) for name in _PLAN}
        meta["parts"] = [{"start": x.start, "stop": x.stop, "steps": x.steps} for x in parts]
        nodes = [(k, 0, part.node) for k, part in enumerate(parts)]
        summaries: list[tuple[int, Summary]] = [(k, part.summary) for k, part in enumerate(parts)]
        if isinstance(live, OnePass):
            meta["live"] = {"start": live.start, "stop": live.stop, "thinnings": live.thinnings}
            nodes += [(_LIVE, 0, node) for node in live.kept]
            summaries.append((_LIVE, live.scores))
        elif isinstance(live, Tree):
            meta["live"] = {"start": live.start, "stop": live.stop, "leaves": live.leaves}
            nodes += [(_LIVE, level, node) for level, node in live.stack]
            nodes += [(_LIVE, 0, node) for node in live.waiting]
            summaries.append((_LIVE, live.gram))
        arrays = {**_node_arrays(nodes), **_summary_arrays(plan, summaries)}
    write_archive(path, arrays, meta, _KIND)


def read_state(path: str | os.PathLike[str]) -> State:
    """Read what `write_state` wrote, or raise DamagedFileError."""
    arrays, meta = read_archive(path, _KIND)
    with damage_reported(path, _KIND):
        return _state(arrays, meta)


def _state(arrays: Mapping[str, npt.NDArray[Any]], meta: Mapping[str, Any]) -> State:
    plain = dict(meta["options"])
    plain["seed"] = int(plain["seed"])
    if plain["max_size"] == "inf":
        plain["max_size"] = math.inf
    options = Options.checked(**plain)
    next_row = int(meta["next_row"])
    if meta["plan"] is None:
        return options, next_row, None, (), None
    common = {name: getattr(options, name) for name in ("p", "method", "seed")}
    plan = Plan(**common, **{name: meta["plan"][name] for name in _PLAN})
    nodes = _nodes(plan, arrays)
    summaries = _summaries(plan, arrays)
    if not {owner for owner, _, _ in nodes} <= {_LIVE, *range(len(meta["parts"]))}:
        raise ValueError("rows that belong to no part")
    parts = tuple(
        Part(
            int(part["start"]),
            int(part["stop"]),
            joined([node for owner, _, node in nodes if owner == k]),
            int(part["steps"]),
            summaries.get(k),
        )
        for k, part in enumerate(meta["parts"])
    )
    live = None if meta["live"] is None else _live(plan, meta["live"], nodes, summaries)
    _check(parts, live, next_row)
    return options, next_row, plan, parts, live


def _node_arrays(nodes: list[tuple[int, int, Node]]) -> dict[str, npt.NDArray[Any]]:
    arrays: dict[str, npt.NDArray[Any]] = {
        "node_owner": np.array([owner for owner, _, _ in nodes], dtype=np.int64),
        "node_level": np.array([level for _, level, _ in nodes], dtype=np.int64),
        "node_size": np.array([node.size for _, _, node in nodes], dtype=np.int64),
    }
    if not nodes:
        return arrays
    whole = joined([node for _, _, node in nodes])
    arrays |= {"row": whole.indices, "probability": whole.probabilities}
    if sp.issparse(whole.rows):
        matrix = whole.rows
        return arrays | {"data": matrix.data, "indices": matrix.indices, "indptr": matrix.indptr}
    return arrays | {"matrix": whole.rows}


def _nodes(plan: Plan, arrays: Mapping[str, npt.NDArray[Any]]) -> list[tuple[int, int, Node]]:
    names = ("node_owner", "node_level", "node_size")
    owners, levels, sizes = (_typed(arrays[name], np.int64) for name in names)
    if not sizes.size:
        return []
    indices, q = _typed(arrays["row"], np.int64), _typed(arrays["probability"], np.float64)
    shape = (indices.size, plan.columns)
    if plan.is_sparse:
        rows: Any = sp.csr_array((arrays["data"], arrays["indices"], arrays["indptr"]), shape=shape)
        rows.check_format()
        finite = np.isfinite(rows.data).all()
    else:
        rows = arrays["matrix"]
        finite = np.isfinite(rows).all()
    stops = np.cumsum(sizes)
    sound = sizes.min() >= 0 and len(owners) == len(levels) == len(sizes)
    sound = sound and stops[-1] == q.size == indices.size and rows.shape == shape
    if not (sound and finite and str(rows.dtype) == plan.dtype and np.all((q > 0) & (q <= 1))):
        raise ValueError("rows, row numbers and probabilities do not fit together")
    spans = [slice(stop - size, stop) for stop, size in zip(stops, sizes, strict=True)]
    return [
        (int(owner), int(level), Node(rows[span], indices[span], q[span]))
        for owner, level, span in zip(owners, levels, spans, strict=True)
    ]


def _typed(array: npt.NDArray[Any], dtype: type[np.generic]) -> npt.NDArray[Any]:
    if array.dtype != dtype:
        raise ValueError(f"dtype {array.dtype} instead of {np.dtype(dtype)}")
    return array


def _summary_arrays(
    plan: Plan, summaries: list[tuple[int, Summary]]
) -> dict[str, npt.NDArray[Any]]:
    known = [(owner, summary) for owner, summary in summaries if summary is not None]
    arrays: dict[str, npt.NDArray[Any]] = {
        "summary_owner": np.array([owner for owner, _ in known], dtype=np.int64)
    }
    if plan.online:
        states = [summary for _, summary in known if isinstance(summary, OnlineScores)]
        described = [state.to_arrays() for state in states]
        for name in ("triangle", "row_exponents", "column_exponents"):
            arrays[name] = np.array([arrays_of[name] for arrays_of in described])
        arrays["scored_rows"] = np.array([state.rows for state in states], dtype=np.int64)
        arrays["score_total"] = np.array([state.total for state in states], dtype=np.float64)
    else:
        arrays["gram"] = np.array([summary for _, summary in known])
    return arrays


def _summaries(plan: Plan, arrays: Mapping[str, npt.NDArray[Any]]) -> dict[int, Summary]:
    owners = [int(owner) for owner in arrays["summary_owner"]]
    if not plan.online:
        grams = arrays["gram"]
        if grams.shape not in ((0,), (len(owners), plan.columns, plan.columns)):
            raise ValueError(f"Gram matrices of shape {grams.shape}")
        return dict(zip(owners, grams.astype(np.float64), strict=True))
    names = ("triangle", "row_exponents", "column_exponents")
    states = [
        OnlineScores.from_arrays(
            plan.score_p,
            {name: arrays[name][k] for name in names},
            rows=int(arrays["scored_rows"][k]),
            total=float(arrays["score_total"][k]),
        )
        for k in range(len(owners))
    ]
    if any(state.d != plan.columns for state in states):
        raise ValueError("a scoring state of other columns")
    return dict(zip(owners, states, strict=True))


def _live(
    plan: Plan,
    meta: Mapping[str, Any],
    nodes: list[tuple[int, int, Node]],
    summaries: Mapping[int, Summary],
) -> Live:
    start, stop = int(meta["start"]), int(meta["stop"])
    mine = [(level, node) for owner, level, node in nodes if owner == _LIVE]
    summary = summaries.get(_LIVE)
    if plan.online:
        if not isinstance(summary, OnlineScores):
            raise ValueError("no scoring state")
        kept = tuple(node for _, node in mine)
        return OnePass(start, stop, summary, kept, int(meta["thinnings"]))
    stack = tuple((level, node) for level, node in mine if level > 0)
    waiting = tuple(node for level, node in mine if level == 0)
    gram = summary if isinstance(summary, np.ndarray) else None
    if (gram is None) != (plan.p != 2.0):
        raise ValueError("a Gram matrix belongs to p = 2")
    return Tree(start, stop, waiting, stack, int(meta["leaves"]), gram)


def _check(parts: tuple[Part, ...], live: Live | None, next_row: int) -> None:
    """Ranges in order, and row numbers that increase within them."""
    end = 0
    for part in (*parts, *([] if live is None else [live])):
        if isinstance(part, Part):
            nodes = [part.node]
        elif isinstance(part, OnePass):
            nodes = list(part.kept)
        else:
            nodes = [*(node for _, node in part.stack), *part.waiting]
        if not end <= part.start < part.stop:
            raise ValueError(f"rows {part.start} to {part.stop} after row {end}")
        numbers = np.concatenate([[part.start - 1], *(node.indices for node in nodes), [part.stop]])
        if np.any(np.diff(numbers) <= 0):
            raise ValueError("row numbers out of order")
        end = part.stop
    if live is None and next_row < end:
        raise ValueError(f"the next row would be {next_row}")
