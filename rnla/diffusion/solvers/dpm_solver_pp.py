"""DPM-Solver++ multistep, orders 1 to 3, and its SDE variants: one model call per step.

The model output (x0 by default, eps by choice) is replaced by the polynomial in λ = log(α/σ) that
takes its newest values, and integrated exactly against the exponential of the linear part:

    2M:  x_t = (σ_t/σ_s) x_s + α_t h [φ_1(-h) m_n + φ_2(-h) D1],   D1 = (m_n - m_{n-1}) / r0
    3M:  … + α_t h φ_3(-h) D2,   D2 = 2 (D10 - D11) / (r0 + r1)

C. Lu et al., DPM-Solver++ (arXiv 2211.01095) and DPM-Solver (arXiv 2206.00927). The factor 2 in D2
makes the method third order; it is missing from several published programs, whose behaviour is
``variant="as_published_code"`` (second order). The SDE variants take the noise level η of the
reverse SDE: η = 0 is the ODE, η = 1 the reverse diffusion.
Cost: one evaluation per step; memory: the state and `order` model outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal

from ..._errors import argument_error, check_choice, check_positive
from ..grids import Grid
from ..plan import Evaluation, Form, Level, Noise, Plan, Step
from ..schedules import Schedule
from ._base import Solver, warm_up_orders
from ._options import check_lowering
from ._registry import register
from .exponential import Relaxation, coefficients, step_row

__all__ = ["DPMSolverMultistep"]

SolverType = Literal["midpoint", "taylor"]
Variant = Literal["consistent", "as_published_code", "diffusers_sde"]


@dataclass(frozen=True)
class DPMSolverMultistep(Solver):
    """DPM-Solver++(1, 2M, 3M), its noise-prediction form, and SDE-DPM-Solver++.

    Parameters
    ----------
    order : {1, 2, 3}, default 2
        Order of the method; step k < `order` uses order k. Order 1 is DDIM.
    form : {"x0", "eps"}, default "x0"
        Which prediction is interpolated: data (DPM-Solver++) or noise (DPM-Solver).
    solver_type : {"midpoint", "taylor"}, default "midpoint"
        Second-order step: with one half in place of φ_2/φ_1 ("dpmsolver" in the original code,
        "midpoint" in diffusers) or with the exact integral ("taylor", "heun").
    eta : float, default 0
        Noise level η of the reverse SDE; it multiplies the variance.
    lower_order_final : bool or int, default 10
        Lower the order to the number of steps left: always, never, or only on grids with fewer
        steps than the number given. The original code has 10, its text and diffusers 15.
    variant : {"consistent", "as_published_code", "diffusers_sde"}, default "consistent"
        Third order only. "as_published_code" leaves out the factor 2 of the second derivative;
        "diffusers_sde" also has -1/2 where +1/2 belongs, as a published SDE step does.

    Raises
    ------
    ArgumentError
        If an option is not among those listed.

    Notes
    -----
    Global order `order` for the ODE; 2 for the third order "as_published_code"; on Gaussian data
    the variance of the SDE variants converges with order 1, 2 and 2, and "diffusers_sde" with 1.
    Thresholding belongs to the model: wrap it. A final level with σ = 0 takes order 1.

    References
    ----------
    C. Lu, Y. Zhou, F. Bao, J. Chen, C. Li, J. Zhu. DPM-Solver++: fast solver for guided sampling of
    diffusion probabilistic models. arXiv 2211.01095.

    Examples
    --------
    >>> from rnla.diffusion.grids import make_grid
    >>> from rnla.diffusion.schedules import VPLinear
    >>> from rnla.diffusion.solvers.dpm_solver_pp import DPMSolverMultistep
    >>> schedule = VPLinear()
    >>> plan = DPMSolverMultistep(order=3).compile(schedule, make_grid(schedule, 8))
    >>> plan.evaluations
    8
    """

    order: int = 2
    form: Form = "x0"
    solver_type: SolverType = "midpoint"
    eta: float = 0.0
    lower_order_final: bool | int = 10
    variant: Variant = "consistent"

    name: ClassVar[str] = "dpmpp_2m"

    def __post_init__(self) -> None:
        check_choice(self.order, "order", (1, 2, 3))
        check_choice(self.form, "form", ("x0", "eps"))
        check_choice(self.solver_type, "solver_type", ("midpoint", "taylor"))
        check_choice(self.variant, "variant", ("consistent", "as_published_code", "diffusers_sde"))
        check_positive(self.eta, "eta", allow_zero=True)
        check_lowering(self.lower_order_final)
        if self.variant == "diffusers_sde" and (self.eta == 0.0 or self.form != "x0"):
            raise argument_error(
                "variant",
                f"'diffusers_sde' with eta={self.eta} and form={self.form!r}",
                "an SDE (eta above 0) in the x0 form",
                'Use "as_published_code" for the ODE.',
            )

    @property
    def stochastic(self) -> bool:
        """Whether the sampler draws noise."""
        return self.eta > 0.0

    @property
    def global_order(self) -> int:
        """Order of convergence, for an SDE that of the variance on Gaussian data."""
        if self.variant == "diffusers_sde":
            return 1
        limited = self.stochastic or self.variant == "as_published_code"
        limited = limited or self.lower_order_final is True  # the last step is of order 1
        return min(self.order, 2) if limited else self.order

    @property
    def label(self) -> str:
        """Name in plans and tables."""
        family = "dpmpp" if self.form == "x0" else "dpm_solver"
        return f"{family}_{self.order}m{'_sde' if self.stochastic else ''}"

    def relaxation(self, order: int) -> tuple[Relaxation, ...]:
        """Factors on the derivatives in a step of the given order."""
        if order == 2:
            return ("bh2",) if self.solver_type == "midpoint" else ()
        if order == 3 and self.variant != "consistent":
            return ("none", "half" if self.variant == "as_published_code" else "sign")
        return ()

    def compile(self, schedule: Schedule, grid: Grid) -> Plan:
        """One evaluation and one row per step."""
        levels = grid.levels(schedule)
        lower = lowers(self.lower_order_final, grid.steps)
        orders = warm_up_orders(levels, self.order, lower_order_final=lower)
        factors = [self.relaxation(order) for order in orders]
        return multistep_plan(self.label, levels, orders, factors, form=self.form, eta=self.eta)


def multistep_plan(
    name: str,
    levels: Sequence[Level],
    orders: Sequence[int],
    relaxations: Sequence[Sequence[Relaxation]],
    *,
    form: Form,
    eta: float,
) -> Plan:
    """The plan in which step n combines the outputs at its start and at the levels before it.

    Parameters
    ----------
    name : str
        Of the solver.
    levels : sequence of Level
    orders : sequence of int
        Of every step, which is the number of outputs it combines.
    relaxations : sequence of sequence of Relaxation
        Of every step, the factors on the derivatives.
    form, eta
        As in `coefficients`.

    Returns
    -------
    Plan
    """
    steps = []
    for n, (order, relaxation) in enumerate(zip(orders, relaxations, strict=True)):
        start, stop = levels[n], levels[n + 1]
        recent = range(n, n - order, -1)
        lambdas = [levels[j].half_log_snr for j in recent]
        step = coefficients(start, stop, lambdas, form=form, relaxation=relaxation, eta=eta)
        noise = Noise(step.noise, n, start, stop) if step.noise else None
        row = step_row(step, [f"m{j}" for j in recent], noise=noise)
        steps.append(Step((Evaluation("x", f"m{n}", start, form), row), start, stop))
    return Plan(name, tuple(steps))


def lowers(lower_order_final: bool | int, steps: int) -> bool:
    """Whether the orders fall at the end of a grid of `steps` steps."""
    return lower_order_final if isinstance(lower_order_final, bool) else steps < lower_order_final


register(
    "dpmpp_2m",
    DPMSolverMultistep,
    aliases=("DPMSolverMultistepScheduler", "dpm_solver_pp"),
)
register("dpmpp_3m", partial(DPMSolverMultistep, order=3))
register("dpm_solver_2m", partial(DPMSolverMultistep, form="eps"))
register("dpm_solver_3m", partial(DPMSolverMultistep, order=3, form="eps"))
register("dpmpp_2m_sde", partial(DPMSolverMultistep, eta=1.0))
register("dpmpp_3m_sde", partial(DPMSolverMultistep, order=3, eta=1.0))
