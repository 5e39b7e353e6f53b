"""PNDM: multistep noise mixtures after a Runge-Kutta start, pushed along by the DDIM step.

Three starts and what follows them:

    "f"     three steps of a pseudo Runge-Kutta method (4 evaluations each), then Adams-Bashforth 4
    "s"     one pseudo Heun step (2 evaluations), then Adams-Bashforth 2
    "plms"  one pseudo Heun step, then Adams-Bashforth 2, 3, 4: the version of Stable Diffusion

"Pseudo" because all stages are joined by the DDIM step instead of a straight line in x. Only the
first slope of a Runge-Kutta step enters the history. L. Liu, Y. Ren, Z. Lin, Z. Zhao, Pseudo
numerical methods for diffusion models on manifolds, ICLR 2022 (arXiv 2202.09778).
Cost: N + 9, N + 1 and N + 1 evaluations for N steps; memory: the state and 4, 2, 4 outputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Literal

from ..._errors import check_choice
from ..grids import Grid
from ..plan import Evaluation, Form, Level, Plan, Row, Stage, Step
from ..schedules import Schedule
from ._adams_bashforth import mixture
from ._base import Solver
from ._registry import register
from ._transfer import transfer

__all__ = ["PNDM"]

Variant = Literal["f", "s", "plms"]

# variant: (steps of the Runge-Kutta start, order of the multistep formula afterwards)
_VARIANTS: dict[str, tuple[int, int]] = {"f": (3, 4), "s": (1, 2), "plms": (1, 4)}


@dataclass(frozen=True)
class PNDM(Solver):
    """F-PNDM, S-PNDM and PLMS.

    Parameters
    ----------
    variant : {"f", "s", "plms"}, default "f"

    Raises
    ------
    ArgumentError
        If the variant is another.

    Notes
    -----
    Global order 2: the Adams-Bashforth weights are those of equal steps in rho = sigma / alpha,
    which no usual grid has. The inner level of the Runge-Kutta start lies midway in time, so "f"
    depends on the time of the schedule. A step to sigma = 0 takes no evaluation there: a
    Runge-Kutta step becomes the DDIM step.

    References
    ----------
    L. Liu, Y. Ren, Z. Lin, Z. Zhao. Pseudo numerical methods for diffusion models on manifolds.
    arXiv 2202.09778.

    Examples
    --------
    >>> from rnla.diffusion.grids import make_grid
    >>> from rnla.diffusion.schedules import VPLinear
    >>> from rnla.diffusion.solvers.pndm import PNDM
    >>> grid = make_grid(VPLinear(), 10)
    >>> [PNDM(variant).compile(VPLinear(), grid).evaluations for variant in ("f", "s", "plms")]
    [19, 11, 11]
    """

    variant: Variant = "f"

    name: ClassVar[str] = "pndm"

    def __post_init__(self) -> None:
        check_choice(self.variant, "variant", _VARIANTS)

    @property
    def order(self) -> int:
        return _VARIANTS[self.variant][1]

    @property
    def global_order(self) -> int:
        return 2

    @property
    def form(self) -> Form:
        return "eps"

    @property
    def invariant(self) -> bool:
        return self.variant != "f"

    def evaluations(self, steps: int) -> int:
        return steps + 3 * min(3, steps) if self.variant == "f" else steps + 1

    def compile(self, schedule: Schedule, grid: Grid) -> Plan:
        """The plan of this variant on a grid."""
        start_steps, order = _VARIANTS[self.variant]
        levels = grid.levels(schedule)
        outputs: list[str] = []
        steps = []
        calls = 0
        for n, (start, stop) in enumerate(pairwise(levels)):
            first = f"m{calls}"
            outputs.append(first)
            stages: list[Stage] = [Evaluation("x", first, start, "eps")]
            if n >= start_steps or stop.is_clean:
                weights = mixture(outputs, order) if n >= start_steps else {first: 1.0}
            elif self.variant == "f":
                middle = schedule.level(0.5 * (start.time + stop.time))
                path = ((middle, 1), (middle, 2), (stop, 3))
                stages += _probes(start, first, path, calls)
                thirds = (1 / 6, 1 / 3, 1 / 3, 1 / 6)
                weights = {f"m{calls + k}": weight for k, weight in enumerate(thirds)}
            else:
                stages += _probes(start, first, ((stop, 1),), calls)
                weights = {first: 0.5, f"m{calls + 1}": 0.5}
            calls += sum(isinstance(stage, Evaluation) for stage in stages)
            steps.append(Step((*stages, transfer(start, stop, weights)), start, stop))
        title = self.variant if self.variant == "plms" else f"{self.variant}_{self.name}"
        return Plan(title, tuple(steps))


def _probes(
    start: Level, slope: str, path: tuple[tuple[Level, int], ...], calls: int
) -> list[Row | Evaluation]:
    """Evaluations at the end of DDIM steps from `start`, each along the slope before it."""
    stages: list[Row | Evaluation] = []
    for level, number in path:
        state, output = f"u{calls + number}", f"m{calls + number}"
        stages.append(transfer(start, level, {slope: 1.0}, target=state))
        stages.append(Evaluation(state, output, level, "eps"))
        slope = output
    return stages


register("pndm", PNDM, aliases=("f_pndm",))
register("s_pndm", lambda: PNDM("s"))
register("plms", lambda: PNDM("plms"), aliases=("PNDMScheduler",))
