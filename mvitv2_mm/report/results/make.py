"""From a run to what its predictions are worth."""
import os
import re
from pathlib import Path
from typing import List, Optional, Tuple, Union

from mmengine.config import Config

from ...config_walk import metrics_of
from ...evaluation.mmaction.ava_metric import AVAMetric
from ..dump import file_of, read_dump, stack, task_of_dump
from ..runs import Run, folder_classes
from .actions import ActionResult
from .coco import Annotations
from .detection import DetectionResult
from .lvis import LvisAnnotations
from .multi import MultiLabelResult
from .single import SingleLabelResult

Result = Union[SingleLabelResult, MultiLabelResult, DetectionResult, ActionResult]
_NAME = re.compile(r'name: *"([^"]*)"\s*\n?\s*(?:label_)?id: *(\d+)')


def make_results(run: Run) -> Tuple[str, List[Result]]:
    """The task of a run, and its results: two for boxes with masks.

    Raises:
        ValueError: If the dump does not belong to the config, or lacks what is to be compared.
        OSError: If a file of annotations is missing.
    """
    samples = read_dump(run.dump)
    task = task_of_dump(samples)
    if task == 'detection':
        return task, _detections(run, samples)
    if task == 'action_detection':
        return task, [_actions(run, samples)]
    if samples[0].get('gt_label') is None:
        raise ValueError(f'{run.dump} has predictions, but no labels to compare them with: the '
                         'test set has none')
    count, labels = len(samples[0]['pred_score']), stack(samples, 'gt_label')
    classes = _names(run, count)
    if labels.size > len(samples):
        return task, [MultiLabelResult(samples, classes)]
    classes = classes or folder_classes(map(file_of, samples), labels.reshape(-1), count)
    return task, [SingleLabelResult(samples, classes, task)]


def _names(run: Run, count: int) -> Optional[Tuple[str, ...]]:
    """Names of the classes, None if those that are known are not of so many scores.

    Raises:
        ValueError: If they are of the config that the user names.
    """
    if not run.classes or len(run.classes) == count:
        return run.classes
    if run.is_told:
        raise ValueError(f'{run.dump} has scores of {count} classes, but the data of '
                         f'{run.cfg.filename} has {len(run.classes)}: give the config that was '
                         'tested with --config')
    return None


def _detections(run: Run, samples: List[dict]) -> List[Result]:
    evaluator = _evaluator(run, 'CocoMetric', 'LVISMetric')
    path = find_annotations(run.cfg, evaluator.get('ann_file'))
    is_lvis = _kind_of(evaluator) == 'LVISMetric'
    truth = LvisAnnotations(path) if is_lvis else Annotations(path, run.classes)
    kinds = evaluator.get('metric', 'bbox')
    kinds = [kinds] if isinstance(kinds, str) else list(kinds)
    return [DetectionResult(samples, truth, kind) for kind in kinds if kind in ('bbox', 'segm')]


def _actions(run: Run, samples: List[dict]) -> Result:
    evaluator = _evaluator(run, 'AVAMetric')
    files = {
        key: str(find_annotations(run.cfg, evaluator[key]))
        for key in ('ann_file', 'label_file', 'exclude_file') if evaluator.get(key)
    }
    count = samples[0]['pred_instances']['scores'].shape[1]
    classes = _names(run, count)
    if classes is None and 'label_file' in files:
        names = {int(i): name for name, i in _NAME.findall(Path(files['label_file']).read_text())}
        classes = tuple(names.get(i, str(i)) for i in range(1, count + 1))
    return ActionResult(samples, AVAMetric(**files), classes)


def _evaluator(run: Run, *kinds: str) -> dict:
    """The metric of one of some kinds in the config of the test.

    Raises:
        ValueError: If there is no config, or no such metric in it.
    """
    if run.cfg is None:
        raise ValueError(f'{run.dump} does not say what is true: give the config that was tested '
                         'with --config')
    metrics = [metric for _, metric in metrics_of(run.cfg, 'test')]
    for metric in metrics:
        if _kind_of(metric) in kinds:
            return metric
    types = ', '.join(str(metric.get('type')) for metric in metrics) or 'none'
    raise ValueError(f'{run.dump} was tested with {types}; a report needs {" or ".join(kinds)}')


def _kind_of(metric: dict) -> str:
    return str(metric.get('type')).rpartition('.')[2]


def find_annotations(cfg: Config, name: Optional[str]) -> Path:
    """A file of annotations: as it is named, or below the folder of the data.

    Raises:
        FileNotFoundError: If it is in neither place.
    """
    dataset = cfg.test_dataloader.dataset
    name = name or dataset.get('ann_file') or ''
    places = [Path(name), Path(dataset.get('data_root') or '') / name]
    for place in places:
        if name and place.is_file():
            return place
    raise FileNotFoundError(f'the annotations {os.path.join(*places[-1:])} are not there: start '
                            'from the folder that the test was started in, or give a config with '
                            'the right paths with --config')
