"""Coefficients of one exponential-integrator step: the common source of the multistep family.

With λ = log(α/σ), h = λ_t - λ_s and D_k = h^k times the k-th λ-derivative of the model output at s,
the exact step of the probability-flow equation is

    x0 form:   x_t = (σ_t/σ_s) x_s + α_t h Σ_k φ_{k+1}(-h) D_k
    eps form:  x_t = (α_t/α_s) x_s - σ_t h Σ_k φ_{k+1}(+h) D_k

A solver chooses how many derivatives it keeps (its order), through which nodes it differentiates
and by which factor 1 + O(h^p) it relaxes a derivative. DPM-Solver(++), UniPC and SDE-DPM-Solver++
are such choices; Liu, Ning et al. call them the unified sampling framework (arXiv 2312.07243).
The reverse SDE with noise level η (η = 1 is Anderson's) replaces h by H = (1 + η) h in the x0 form:

    x_t = (σ_t/σ_s) e^{-ηh} x_s + α_t H Σ_k φ_{k+1}(-H) D_k + σ_t sqrt(1 - e^{-2ηh}) z
    x_t = (α_t/α_s) x_s - (1 + η) σ_t h Σ_k φ_{k+1}(h) D_k + σ_t sqrt(η (e^{2h} - 1)) z

Cost: O(order^3) float operations per step on the host, once per grid.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..._errors import argument_error, check_choice
from ..interpolation import derivative_weights
from ..phi import phi
from ..plan import STATE, Level, Noise, Row, Term

__all__ = [
    "RELAXATIONS",
    "Coefficients",
    "Relaxation",
    "coefficients",
    "relaxation_factor",
    "step_row",
]

#: A relaxation: a number, a name, or ("linear", c) for 1 + c h.
Relaxation = float | str | tuple[str, float]

#: Names of the relaxation factors of the first derivative. With w = -H (x0) or +h (eps):
#: "bh1" w²/(2 (e^w - 1 - w)), "bh2" w (e^w - 1)/(2 (e^w - 1 - w)), "+exp" 1 + (e^w - 1)/2,
#: "-exp" 1 - (e^w - 1)/2. "half" multiplies by 1/2 and "sign" is the published sign slip of a
#: third-order SDE step; both reproduce printed code (see `dpm_solver_pp`).
RELAXATIONS = ("none", "bh1", "bh2", "+exp", "-exp", "linear", "half", "sign")


@dataclass(frozen=True)
class Coefficients:
    """One step: x_t = state x_s + Σ outputs[j] m_j + noise z.

    Attributes
    ----------
    state : float
        Multiplier of the state at the start of the step.
    outputs : tuple of float
        Multipliers of the model outputs, in the order of the nodes.
    noise : float
        Multiplier of a standard normal; 0 for a deterministic step.
    """

    state: float
    outputs: tuple[float, ...]
    noise: float = 0.0


def coefficients(
    start: Level,
    stop: Level,
    nodes: Sequence[float],
    *,
    form: Literal["x0", "eps"] = "x0",
    order: int | None = None,
    differences: Sequence[int] | None = None,
    relaxation: Sequence[Relaxation] = (),
    eta: float = 0.0,
) -> Coefficients:
    """Return the multipliers of one step from `start` to `stop`.

    Parameters
    ----------
    start, stop : Level
        Noise levels of the step; `stop` is the cleaner one and may have σ = 0.
    nodes : sequence of float
        Half log-SNR λ of each known model output, the newest first. The list may hold the start,
        earlier points (multistep), inner points (singlestep) and `stop` itself (corrector).
    form : {"x0", "eps"}, default "x0"
        Which prediction the outputs are.
    order : int, optional
        Number of Taylor terms, 1 to ``len(nodes)``; all nodes by default.
    differences : sequence of int, optional
        Entry k - 1 says through how many nodes minus one the k-th derivative is taken: at least
        k, at most ``len(nodes) - 1``. By default every derivative is that of the polynomial
        through the first `order` nodes.
    relaxation : sequence of float, str or (str, float), default ()
        Entry k - 1 multiplies the k-th derivative; see `relaxation_factor`. Missing entries are 1.
    eta : float, default 0
        Noise level η of the reverse SDE; it multiplies the variance.

    Returns
    -------
    Coefficients
        The multipliers. Outputs beyond those used get 0.

    Raises
    ------
    ArgumentError
        If a node repeats, an order exceeds the nodes, or `stop` is not cleaner than `start`.

    Notes
    -----
    At σ = 0 only the first-order step has a limit, so one term is kept there; the same holds for a
    step that leaves α = 0, which the x0 form can take, and a node at α = 0 carries no slope and is
    left out. Cost O(order^3) on the host, with Fornberg's weights (Math. Comp. 51, 1988).

    Examples
    --------
    >>> import math
    >>> from rnla.diffusion.plan import Level
    >>> from rnla.diffusion.solvers.exponential import coefficients
    >>> a = Level(time=1.0, log_alpha=0.0, log_sigma=0.0)
    >>> b = Level(time=0.5, log_alpha=0.0, log_sigma=-0.5)
    >>> step = coefficients(a, b, (0.0, -0.5))
    >>> [round(w, 7) for w in step.outputs]  # DPM-Solver++(2M), "taylor"
    [0.6065307, -0.2130613]
    """
    check_choice(form, "form", ("x0", "eps"))
    if not nodes:
        raise argument_error("nodes", "none", "at least one node", "Give the start as a node.")
    if not eta >= 0.0:
        raise argument_error("eta", repr(eta), "a number of at least 0", "Use 0 for the ODE.")
    count = len(nodes) if order is None else order
    if not 1 <= count <= len(nodes):
        raise argument_error(
            "order",
            repr(order),
            f"a whole number from 1 to {len(nodes)}, the nodes at hand",
            "Lower the order or give more nodes.",
        )
    if start.log_alpha == -math.inf or stop.is_clean:
        return _at_infinity(start, stop, nodes, form, eta)
    h = stop.half_log_snr - start.half_log_snr
    if not (h > 0.0 and math.isfinite(h)):
        raise argument_error(
            "stop",
            f"a step of {h!r} in half log-SNR",
            "a cleaner level than the start, both finite",
            "Order the grid from noisy to clean.",
        )
    if form == "x0":
        length = (1.0 + eta) * h
        z = -length
        state = math.exp(stop.log_sigma - start.log_sigma - eta * h)
        scale = math.exp(stop.log_alpha) * length
        noise = math.exp(stop.log_sigma) * math.sqrt(-math.expm1(-2.0 * eta * h))
    else:
        length = z = h
        state = math.exp(stop.log_alpha - start.log_alpha)
        scale = -(1.0 + eta) * math.exp(stop.log_sigma) * h
        noise = math.exp(stop.log_sigma) * math.sqrt(eta * math.expm1(2.0 * h))
    offsets = [(node - start.half_log_snr) / h for node in nodes]
    finite = offsets.index(-math.inf) if -math.inf in offsets else len(offsets)
    outputs = [0.0] * len(nodes)
    for k, reach in enumerate(_reaches(count, len(nodes), differences)[:finite]):
        reach = min(reach, finite - 1)
        factor = scale * phi(k + 1, z)
        if 1 <= k <= len(relaxation):
            factor *= relaxation_factor(relaxation[k - 1], z, h=h)
        for j, weight in enumerate(derivative_weights(offsets[: reach + 1], count=k + 1)[k]):
            outputs[j] += factor * weight
    return Coefficients(state, tuple(outputs), noise)


def relaxation_factor(relaxation: Relaxation, z: float, *, h: float) -> float:
    """Return the factor on a derivative; every named one is 1 + O(h).

    Parameters
    ----------
    relaxation : float, str or (str, float)
        A number, one of `RELAXATIONS`, or ``("linear", c)`` for 1 + c h.
    z : float
        Argument of the φ-functions: minus (1 + η) h in the x0 form, h in the eps form.
    h : float
        The step in half log-SNR.

    Returns
    -------
    float
        The factor.

    Raises
    ------
    ArgumentError
        If the name is unknown.

    Notes
    -----
    "bh2" turns the second-order Taylor step into the midpoint rule (one half instead of an exact
    integral); "bh1" and "bh2" are the shortcuts of UniPC.

    Examples
    --------
    >>> from rnla.diffusion.solvers.exponential import relaxation_factor
    >>> relaxation_factor(("linear", 0.5), -0.2, h=0.2)
    1.1
    """
    name, strength = relaxation if isinstance(relaxation, tuple) else (relaxation, 0.0)
    if not isinstance(name, str):
        return float(name)
    if name == "none":
        return 1.0
    if name == "bh1":
        return 0.5 / phi(2, z)
    if name == "bh2":
        return 0.5 * phi(1, z) / phi(2, z)
    if name == "+exp":
        return 1.0 + 0.5 * math.expm1(z)
    if name == "-exp":
        return 1.0 - 0.5 * math.expm1(z)
    if name == "linear":
        return 1.0 + strength * h
    if name == "half":
        return 0.5
    if name == "sign":
        # -1/2 where +1/2 belongs: H φ_3(-H) is printed as H φ_3(-H) - 1, without the factor 2.
        return 0.5 * (1.0 + 1.0 / (z * phi(3, z)))
    raise argument_error(
        "relaxation", repr(name), f"a number or one of {', '.join(RELAXATIONS)}", "Pick one."
    )


def _reaches(order: int, nodes: int, differences: Sequence[int] | None) -> list[int]:
    """Return, for derivatives 0 to order - 1, the number of nodes used minus one."""
    if differences is None:
        return [order - 1] * order
    if len(differences) < order - 1:
        raise argument_error(
            "differences",
            f"{len(differences)} entries",
            f"{order - 1}, one for each derivative",
            "Give one entry for each derivative.",
        )
    for k, reach in enumerate(differences[: order - 1], start=1):
        if not k <= reach <= nodes - 1:
            raise argument_error(
                f"differences[{k - 1}]",
                repr(reach),
                f"a whole number from {k} to {nodes - 1}",
                "Derivative k needs at least k + 1 nodes.",
            )
    return [max(differences[: order - 1], default=0), *differences[: order - 1]]


def _at_infinity(
    start: Level, stop: Level, nodes: Sequence[float], form: str, eta: float
) -> Coefficients:
    """Return the first-order step to σ = 0 or from α = 0, the only one with a limit."""
    rest = [0.0] * (len(nodes) - 1)
    if form == "x0":
        keep = 1.0 if eta == 0.0 else 0.0
        return Coefficients(
            keep * math.exp(stop.log_sigma - start.log_sigma),
            (stop.alpha, *rest),
            (1.0 - keep) * stop.sigma,
        )
    if start.log_alpha == -math.inf:
        raise argument_error(
            "start",
            "a level with α = 0",
            "α above 0 in the eps form",
            'Use the form "x0", or begin the grid a little later.',
        )
    scale = stop.alpha * start.rho
    ratio = math.exp(stop.log_alpha - start.log_alpha)
    return Coefficients(ratio, (-(1.0 + eta) * scale, *rest), scale * math.sqrt(eta))


def step_row(
    step: Coefficients,
    outputs: Sequence[str],
    *,
    target: str = STATE,
    source: str = STATE,
    noise: Noise | None = None,
) -> Row:
    """Return the plan's row for a step; terms with coefficient 0 are left out.

    Parameters
    ----------
    step : Coefficients
        The multipliers; ``step.noise`` is not read, see `noise`.
    outputs : sequence of str
        Registers of the model outputs, in the order of the nodes.
    target, source : str, default "x"
        Registers of the new state and of the state at the start of the step.
    noise : Noise, optional
        The noise of the row.

    Returns
    -------
    Row
        ``target := state * source + sum of outputs + noise``.
    """
    terms = [Term(source, step.state), *map(Term, outputs, step.outputs)]
    kept = tuple(term for term in terms if np.any(term.coefficient))
    return Row(target, kept or (terms[0],), noise)
