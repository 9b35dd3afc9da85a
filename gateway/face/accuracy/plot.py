"""The curve of an evaluation as a picture: detection error trade-off, on normal deviates.

`det()` writes a PNG.  Needs matplotlib, which the gate itself does not: the extra `evaluate`.
"""

from __future__ import annotations

import io
from pathlib import Path
from statistics import NormalDist

import numpy as np

from gateway.face.accuracy.statistics import Trials
from gateway.locale import GaritaError
from gateway.vault.files import write_whole

TICKS = (0.0001, 0.001, 0.01, 0.05, 0.1, 0.2, 0.4)
MARKS = (0.35, 0.40, 0.45, 0.50, 0.55)
_deviate = np.vectorize(NormalDist().inv_cdf, otypes=[float])


class NoPlotting(GaritaError):
    """matplotlib is not installed."""


def det(made: Trials, path: Path, title: str, threshold: float) -> None:
    """FNMR over FMR with both axes as normal deviates (ISO/IEC 19795-1 calls it a DET curve),
    so that two normal distributions of scores give a straight line.

    Rates of zero can't be drawn and are cut at half of one error of all splits; the grey areas
    are below one error in one split, where the curve means little.
    Raises NoPlotting, and OSError if the file can't be written.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError as error:
        raise NoPlotting(
            "the plot needs matplotlib, which is not installed: pip install 'matplotlib>=3.8,<4'"
        ) from error
    floors = [0.5 / max(1, len(scores)) for scores in (made.impostor, made.genuine)]
    least = [1 / max(1.0, rate.trials) for rate in (made.fmr(0.5), made.fnmr(0.5))]
    low = min(TICKS[0], *floors) * 0.7
    steps = np.linspace(0.2, 1.0, 801)
    rates = [
        np.clip(values, floor, 0.5) for values, floor in zip(made.curve(steps), floors, strict=True)
    ]
    figure = Figure(figsize=(7, 6.5), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    span = _deviate([low, 0.5])
    axes.axvspan(span[0], float(_deviate(min(0.5, least[0]))), color="0.92", zorder=0)
    axes.axhspan(span[0], float(_deviate(min(0.5, least[1]))), color="0.92", zorder=0)
    axes.plot(*map(_deviate, rates), color="#1f5f8b", linewidth=1.8, zorder=3)
    axes.plot(span, span, color="0.6", linewidth=0.8, linestyle=":", label="equal error rates")
    named: dict[tuple[float, float], list[str]] = {}
    for mark in sorted({*MARKS, threshold}):
        x, y = (
            float(_deviate(np.clip(rate.value, floor, 0.5)))
            for rate, floor in zip((made.fmr(mark), made.fnmr(mark)), floors, strict=True)
        )
        chosen = mark == threshold
        axes.plot(x, y, "o", color="#b5341f" if chosen else "#1f5f8b", zorder=5 if chosen else 4)
        named.setdefault((x, y), []).append(f"{mark:.2f}")
    for at, names in named.items():  # several lie on one point where no error was seen
        axes.annotate(", ".join(names), at, (5, 7), textcoords="offset points", zorder=6)
    ticks = [tick for tick in TICKS if tick > low]
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks(_deviate(ticks), labels=[f"{tick * 100:g}" for tick in ticks])
    axes.set(
        xlim=span,
        ylim=span,
        xlabel="false match rate, FMR (%)",
        ylabel="false non-match rate, FNMR (%)",
        title=title,
    )
    axes.plot([], [], "o", color="#1f5f8b", label="distance threshold, as labelled")
    axes.plot([], [], "o", color="#b5341f", label=f"threshold tried, {threshold:.2f}")
    axes.fill_between([], [], color="0.92", label="below one error: too few to tell")
    axes.grid(color="0.85", linewidth=0.6)
    axes.legend(loc="upper right", framealpha=1, fontsize=9)
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png")
    write_whole(path, drawn.getvalue(), mode=0o644)  # a curve that is there stays until then
