"""Named solvers as points of the unified sampling framework.

Each preset is the list of decisions that gives the same plan, up to the names of registers, as the
solver of that name. They are the starting population of a search and the test that the framework
holds what it claims. E. Liu et al., A unified sampling framework (ICLR 2024, arXiv 2312.07243).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from .._errors import argument_error, check_size
from .plan import Form
from .solvers.exponential import Relaxation
from .solvers.usf import USF, Corrector, Decision, ramp

__all__ = ["USF_PRESETS", "usf_preset"]

Decisions = tuple[Decision, ...]
Relaxations = tuple[Relaxation, ...]


def usf_preset(name: str, steps: int, *, lower_order_final: bool = False) -> USF:
    """Return a named solver as decisions.

    Parameters
    ----------
    name : str
        One of `USF_PRESETS`.
    steps : int
        Number of steps of the grid. For singlestep solvers these include the inner levels, which
        the grid must hold: every `order` steps make one outer step.
    lower_order_final : bool, default False
        Lower the order to the number of steps left; multistep solvers only.

    Returns
    -------
    USF
        The solver.

    Raises
    ------
    ArgumentError
        If the name is unknown, or the steps are not a multiple of the order of a singlestep solver.

    Examples
    --------
    >>> from rnla.diffusion.usf_presets import usf_preset
    >>> [decision.order for decision in usf_preset("dpmpp_3m", 5).decisions]
    [1, 2, 3, 3, 3]
    """
    steps = check_size(steps, name="steps")
    maker = _PRESETS.get(name)
    if maker is None:
        raise argument_error(
            "name", repr(name), "one of " + ", ".join(USF_PRESETS), "Pass one of these names."
        )
    return USF(maker(steps, lower_order_final))


def _multistep(
    steps: int,
    lower: bool,
    *,
    order: int,
    form: Form = "x0",
    second: Relaxations = (),
    third: Relaxations = (),
) -> Decisions:
    """Return a multistep method; `second` and `third` relax the steps of these orders."""
    relaxations: dict[int, Relaxations] = {2: second, 3: third}
    orders = [decision.order for decision in ramp(steps, order)]
    if lower:
        orders = [min(p, steps - n) for n, p in enumerate(orders)]
    return tuple(Decision(p, form, relaxations.get(p, ())) for p in orders)


def _unipc(steps: int, lower: bool, *, order: int, shortcut: str, form: Form = "x0") -> Decisions:
    """Return UniPC: the shortcut stands wherever one weight is sought, none at the last step."""
    decisions = []
    for n, decision in enumerate(_multistep(steps, lower, order=order, form=form)):
        p = decision.order
        corrector = Corrector(p + 1, relaxation=(shortcut,) if p == 1 else ())
        relaxation: Relaxations = (shortcut,) if p == 2 else ()
        last = n == steps - 1
        decisions.append(Decision(p, form, relaxation, corrector=None if last else corrector))
    return tuple(decisions)


def _singlestep(steps: int, lower: bool, *, order: int, form: Form) -> Decisions:
    """Return DPM-Solver-2 or -3 and their ++ versions, type "dpmsolver"."""
    if steps % order:
        raise argument_error(
            "steps",
            steps,
            f"a multiple of {order}: the grid holds the inner levels",
            "Make the grid with such a number of steps.",
        )
    outer: Decisions
    if order == 2:
        outer = (Decision(1, form), Decision(2, form, ("bh2",), start=1))
    else:
        outer = (
            Decision(1, form),
            Decision(2, form, start=1),
            Decision(2, form, start=2),
        )
    return outer * (steps // order)


_PRESETS: dict[str, Callable[[int, bool], Decisions]] = {
    "ddim": partial(_multistep, order=1),
    "dpmpp_2m": partial(_multistep, order=2, second=("bh2",)),
    "dpmpp_2m_taylor": partial(_multistep, order=2),
    "dpmpp_3m": partial(_multistep, order=3, second=("bh2",)),
    "dpmpp_3m_as_published_code": partial(
        _multistep, order=3, second=("bh2",), third=("none", "half")
    ),
    "dpm_solver_2m": partial(_multistep, order=2, form="eps", second=("bh2",)),
    "dpm_solver_3m": partial(_multistep, order=3, form="eps", second=("bh2",)),
    "deis_log_rho": partial(_multistep, order=3, form="eps"),
    "unip": partial(_multistep, order=3, second=("bh2",)),
    "unipc_1": partial(_unipc, order=1, shortcut="bh2"),
    "unipc_2": partial(_unipc, order=2, shortcut="bh2"),
    "unipc": partial(_unipc, order=3, shortcut="bh2"),
    "unipc_bh1": partial(_unipc, order=3, shortcut="bh1"),
    "unipc_eps": partial(_unipc, order=3, shortcut="bh2", form="eps"),
    "dpm_solver_2": partial(_singlestep, order=2, form="eps"),
    "dpm_solver_3": partial(_singlestep, order=3, form="eps"),
    "dpmpp_2s": partial(_singlestep, order=2, form="x0"),
    "dpmpp_3s": partial(_singlestep, order=3, form="x0"),
}

#: Names that `usf_preset` knows.
USF_PRESETS = tuple(_PRESETS)
