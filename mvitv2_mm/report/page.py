"""The page: one file with everything in it."""
import os
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple, Union

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ..drawing import css_variables
from ..files import write_text
from ..version import __version__
from .comparing import Comparison, compare
from .curves import draw_curves
from .galleries import make_galleries, show
from .pictures import Gallery, Pictures
from .results.detection import DetectionResult
from .results.make import Result, make_results
from .runs import Run, find_run
from .settings import changed, differences, facts, foreseen
from .sheet import write_sheet
from .views import Metric, ResultView, metric_rows, view

_FILES = Path(__file__).with_name('page_files')
_FLIPPED = 6  # pictures of files that flipped, of each direction


@dataclass
class RunView:
    """A run as the page shows it."""
    name: str
    config_name: str
    config_text: str
    changes: Optional[List[Tuple[str, str, str]]]
    changes_note: str
    foreseen: List[Tuple[str, str, str, str]] = field(default_factory=list)
    metrics: List[Metric] = field(default_factory=list)
    metrics_note: str = ''
    results: List[ResultView] = field(default_factory=list)
    trouble: str = ''


class Compared(NamedTuple):
    """Two runs beside each other."""
    before_name: str
    after_name: str
    rule: str
    found: Comparison
    galleries: List[Gallery]


def write_report(sources: Union[str, Path, Sequence[Union[str, Path]]],
                 out: Union[str, Path],
                 config: Optional[str] = None,
                 sheet: Optional[Union[str, Path]] = None) -> Dict[str, Any]:
    """Write one HTML file about one run or several.

    Args:
        sources (str | Path | Sequence[str | Path]): Work dirs of trainings, or dumps of tests; of
            several the first is what the others are compared with.
        out (str | Path): The HTML file.
        config (str, optional): Path or name of the config that was tested. Defaults to None: the
            one that the test has left beside its log.
        sheet (str | Path, optional): A picture to write too, '.png', with right and wrong
            predictions of the first run. Defaults to None.

    Returns:
        dict: ``out`` (str), ``sheet`` (str, None if no pictures are to be had), and ``runs``: for
        each of them its name, its metrics as computed here and as reported by the test, and
        ``trouble``, why there are none.

    Raises:
        OSError: If a file is missing or cannot be written.
        ValueError: If there is nothing to report, or files do not belong together.
    """
    sources = [sources] if isinstance(sources, (str, Path)) else list(sources)
    runs = [find_run(str(source), config) for source in sources]
    _name_apart(runs)
    pictures = Pictures([root for run in runs for root in run.roots], runs[0].cfg)
    results = [_results(run, len(runs) == 1) for run in runs]
    compared = _compare(runs, [found for found, _ in results], pictures)
    shown = [_view(run, *found, pictures) for run, found in zip(runs, results)]
    write_text(out, _render(runs, shown, compared, pictures))
    drawn = None
    if sheet and results[0][0]:
        drawn = write_sheet(results[0][0][-1], runs[0].roots, Path(sheet), runs[0].cfg)
    return dict(out=str(out), sheet=drawn and str(drawn), runs=[_summary(run) for run in shown])


def _name_apart(runs: Sequence[Run]) -> None:
    """Runs of one work dir are called by their dumps."""
    names = [run.name for run in runs]
    for number, run in enumerate(runs, 1):
        if names.count(run.name) > 1:
            run.name = f'{run.name} ({number})'


def _results(run: Run, is_alone: bool) -> Tuple[List[Result], str]:
    """Results of a run, or why there are none where its logs can be shown all the same."""
    if run.dump is None:
        return [], 'No predictions are here. Test with --dump to see them.'
    try:
        return make_results(run)[1], ''
    except (OSError, ValueError) as error:
        if is_alone and not run.log.rows:
            raise
        return [], str(error)


def _view(run: Run, results: List[Result], trouble: str, pictures: Pictures) -> RunView:
    """Pictures are shown of masks, or else of boxes, once."""
    found = RunView(run.name, run.log.config_name or getattr(run.cfg, 'filename', None) or '',
                    *changed(run))
    found.trouble, found.foreseen = trouble, foreseen(run)
    found.metrics = metric_rows(run, results)
    if run.metrics_file:
        found.metrics_note = f'Values of the test are from {os.path.relpath(run.metrics_file)}. '
    if any(metric.computed == -1 for metric in found.metrics):
        found.metrics_note += '-1: nothing of that kind is labelled.'
    for result in results:
        with_pictures = result is results[-1]
        galleries = make_galleries(result, pictures) if with_pictures else []
        found.results.append(view(result, galleries))
    return found


def _compare(runs: Sequence[Run], results: Sequence[List[Result]],
             pictures: Pictures) -> List[Compared]:
    """Every later run against the first."""
    found = []
    for run, later in list(zip(runs, results))[1:]:
        for before, after in zip(results[0], later):
            name = _metric(after)
            one = compare(before, after, name)
            places = {key: i for i, key in enumerate(after.keys)}
            galleries = [
                Gallery(title, text,
                        [show(after, places[key], pictures) for key in keys[:_FLIPPED]])
                for title, text, keys in (('Wrong, now right', f'as {run.name} predicts them',
                                           one.mended),
                                          ('Right, now wrong', f'as {run.name} predicts them',
                                           one.broken)) if keys
            ]
            found.append(Compared(runs[0].name, run.name, after.rule, one, galleries))
    return found


def _metric(result: Result) -> str:
    if isinstance(result, DetectionResult):
        return f'{dict(bbox="box", segm="mask")[result.kind]} mAP'
    return 'top-1 accuracy' if hasattr(result, 'predicted') else 'mAP'


def _render(runs: Sequence[Run], shown: Sequence[RunView], compared: Sequence[Compared],
            pictures: Pictures) -> str:
    environment = Environment(
        loader=FileSystemLoader(_FILES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True)
    names = [run.name for run in runs]
    page = dict(
        title=f'Report: {names[0]}' if len(names) == 1 else f'Report: {len(names)} runs',
        version=__version__,
        date=f'{datetime.now():%Y-%m-%d %H:%M}',
        note=_note(pictures),
        runs=shown,
        comparisons=compared,
        curves=draw_curves(runs),
        facts=facts(runs),
        differences=differences(runs))
    return environment.get_template('report.html.j2').render(
        page=page,
        style=Markup(css_variables() + (_FILES / 'style.css').read_text(encoding='utf-8')),
        script=Markup((_FILES / 'script.js').read_text(encoding='utf-8')))


def _note(pictures: Pictures) -> str:
    """What is lacking in the page."""
    parts = []
    if pictures.lacking:
        parts.append(f'{pictures.lacking} pictures are not shown, as their files are not here: '
                     'start from the folder that the test was started in.')
    if pictures.refused:
        parts.append(f'{pictures.refused} pictures are not shown, as the page would be too large.')
    return ' '.join(parts)


def _summary(run: RunView) -> dict:
    metrics = [metric._asdict() for metric in run.metrics]
    return dict(name=run.name, metrics=metrics, trouble=run.trouble)
