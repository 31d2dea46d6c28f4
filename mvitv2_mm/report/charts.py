"""Charts as SVG in the page: lines, bars, and the diagram of a calibration."""
from html import escape
from typing import List, Sequence, Tuple

import numpy as np
from markupsafe import Markup

from ..drawing import PALETTE, to_hex

Series = Tuple[str, Sequence[Tuple[float, float]]]
_WIDTH, _HEIGHT = 420, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 12, 12, 34
_MOST_POINTS = 300
_DASHES = ('', '6 3', '2 2', '8 3 2 3')


def lines(title: str, series: Sequence[Series], x_label: str, marks: bool = False) -> Markup:
    """A chart of lines; '' if there is nothing to draw.

    Args:
        title (str): What is shown.
        series (Sequence[Series]): Name and points of each line.
        x_label (str): Of the horizontal axis.
        marks (bool): Whether to show the points. Defaults to False.
    """
    series = [(name, _finite(points)) for name, points in series]
    series = [(name, points) for name, points in series if len(points)]
    if not series:
        return Markup('')
    everything = np.concatenate([points for _, points in series])
    axes = _Axes(everything.min(0), everything.max(0))
    body = [axes.frame(x_label)]
    for number, (name, points) in enumerate(series):
        color = to_hex(PALETTE[number % len(PALETTE)])
        dash = _DASHES[number // len(PALETTE) % len(_DASHES)]
        places = [axes.place(x, y) for x, y in _thinned(points)]
        path = ' '.join(f'{x:.1f},{y:.1f}' for x, y in places)
        body.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="1.8" '
                    f'stroke-dasharray="{dash}"/>')
        if marks or len(places) == 1:
            body += [
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.4" fill="{color}"/>' for x, y in places
            ]
    return _figure(title, body, [name for name, _ in series] if len(series) > 1 else [])


def bars(title: str,
         groups: Sequence[str],
         series: Sequence[Tuple[str, Sequence[float]]],
         top: float = 0.) -> Markup:
    """A chart of bars; '' if there is nothing to draw.

    Args:
        title (str): What is shown.
        groups (Sequence[str]): Names below the bars.
        series (Sequence[tuple[str, Sequence[float]]]): Name, and height in each group.
        top (float): Largest height of the scale; 0 means that of the bars. Defaults to 0.
    """
    if not series:
        return Markup('')
    values = np.nan_to_num(np.array([heights for _, heights in series], float))
    axes = _Axes(np.zeros(2), np.array([len(groups), top or values.max() or 1.]))
    body, share = [axes.frame('', x_ticks=False)], 0.8 / len(series)
    for number, heights in enumerate(values):
        for group, height in enumerate(heights):
            left, upper = axes.place(group + 0.1 + number * share, height)
            right, lower = axes.place(group + 0.1 + (number + 1) * share, 0)
            body.append(
                f'<rect x="{left:.1f}" y="{upper:.1f}" width="{max(right - left - 1, 1):.1f}" '
                f'height="{lower - upper:.1f}" fill="{to_hex(PALETTE[number])}">'
                f'<title>{escape(groups[group])}: {height:.3f}</title></rect>')
    for group, name in enumerate(groups):
        x, y = axes.place(group + 0.5, 0)
        drop = 14 + 11 * (group % 2 and len(name) > 6)  # long names take turns
        body.append(f'<text x="{x:.1f}" y="{y + drop:.1f}" text-anchor="middle">'
                    f'{escape(name)}</text>')
    return _figure(title, body, [name for name, _ in series] if len(series) > 1 else [])


def reliability(title: str, confidence: np.ndarray, accuracy: np.ndarray,
                counts: np.ndarray) -> Markup:
    """Accuracy in ranges of confidence, beside the diagonal on which both are equal."""
    axes = _Axes(np.zeros(2), np.ones(2))
    body, width = [axes.frame('confidence')], 1 / len(counts)
    for number, (mean, height, count) in enumerate(zip(confidence, accuracy, counts)):
        if not count:
            continue
        left, upper = axes.place(number * width, height)
        right, lower = axes.place((number + 1) * width, 0)
        body.append(f'<rect x="{left:.1f}" y="{upper:.1f}" width="{right - left - 1:.1f}" '
                    f'height="{lower - upper:.1f}" fill="{to_hex(PALETTE[0])}"><title>'
                    f'{count} samples, confidence {mean:.3f}, accuracy {height:.3f}</title></rect>'
                    f'<text x="{(left + right) / 2:.1f}" y="{lower - 4:.1f}" fill="#fff" '
                    f'text-anchor="middle" font-size="9">{count}</text>')
    (x0, y0), (x1, y1) = axes.place(0, 0), axes.place(1, 1)
    body.append(f'<line x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}" '
                f'stroke="{to_hex(PALETTE[5])}" stroke-width="1.8" stroke-dasharray="6 3"/>')
    return _figure(title, body, [])


class _Axes:
    """From values to places in a chart, whose scales end at round numbers."""

    def __init__(self, low: np.ndarray, high: np.ndarray) -> None:
        self.x_ticks = [t for t in _ticks(low[0], high[0]) if low[0] <= t <= high[0]]
        self.y_ticks = _ticks(low[1], high[1])
        self.x = low[0], high[0] if high[0] > low[0] else low[0] + 1
        self.y = min(low[1], self.y_ticks[0]), max(high[1], self.y_ticks[-1])

    def place(self, x: float, y: float) -> Tuple[float, float]:
        across = (x - self.x[0]) / (self.x[1] - self.x[0])
        up = (y - self.y[0]) / (self.y[1] - self.y[0])
        return (_LEFT + across * (_WIDTH - _LEFT - _RIGHT),
                _HEIGHT - _BOTTOM - up * (_HEIGHT - _TOP - _BOTTOM))

    def frame(self, x_label: str, x_ticks: bool = True) -> str:
        parts = []
        for tick in self.y_ticks:
            _, y = self.place(self.x[0], tick)
            parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" '
                         f'y2="{y:.1f}"/><text x="{_LEFT - 5}" y="{y + 4:.1f}" '
                         f'text-anchor="end">{tick:.4g}</text>')
        for tick in self.x_ticks if x_ticks else ():
            x, _ = self.place(tick, self.y[0])
            parts.append(f'<text x="{x:.1f}" y="{_HEIGHT - _BOTTOM + 14}" '
                         f'text-anchor="middle">{tick:.6g}</text>')
        middle = (_LEFT + _WIDTH - _RIGHT) / 2
        return ''.join(parts) + (f'<text x="{middle}" y="{_HEIGHT - 4}" text-anchor="middle">'
                                 f'{escape(x_label)}</text>')


def _ticks(low: float, high: float) -> List[float]:
    """Four to six round numbers around a range."""
    if not high > low:
        low, high = (low - 0.5, high + 0.5) if low else (0., 1.)
    rough = (high - low) / 4
    size = 10.**np.floor(np.log10(rough))
    step = size * next(f for f in (1, 2, 2.5, 5, 10) if size * f >= rough * 0.999)
    first, last = np.floor(low / step + 1e-9), np.ceil(high / step - 1e-9)
    return [float(step * i) for i in np.arange(first, last + 1)]


def _finite(points: Sequence[Tuple[float, float]]) -> np.ndarray:
    array = np.array(points, float).reshape(-1, 2)
    return array[np.isfinite(array).all(1)]


def _thinned(points: np.ndarray) -> np.ndarray:
    """Points of a long line; of each stretch the lowest and the highest stay."""
    if len(points) <= _MOST_POINTS:
        return points
    kept = []
    for part in np.array_split(points, _MOST_POINTS // 2):
        kept += [part[i] for i in sorted({part[:, 1].argmin(), part[:, 1].argmax()})]
    return np.array(kept)


def _figure(title: str, body: Sequence[str], names: Sequence[str]) -> Markup:
    legend = ''.join(
        f'<li><svg width="26" height="8"><line x1="0" x2="26" y1="4" y2="4" stroke-width="3" '
        f'stroke="{to_hex(PALETTE[i % len(PALETTE)])}" '
        f'stroke-dasharray="{_DASHES[i // len(PALETTE) % len(_DASHES)]}"/></svg> '
        f'{escape(name)}</li>' for i, name in enumerate(names))
    return Markup(f'<figure class="chart"><figcaption>{escape(title)}</figcaption>'
                  f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">'
                  f'{"".join(body)}</svg>'
                  f'{f"<ul>{legend}</ul>" if legend else ""}</figure>')
