"""Action detection data in AVA's format."""
import os.path as osp
import pickle
from typing import Dict, List, Optional

from ..checkpoints.safe_pickle import load_arrays
from .lists import open_lines
from .media import Frames, Item, Video
from .report import Report

_COLUMNS = 'video_id,timestamp,x1,y1,x2,y2,action_id,person_id'
_MARGIN = 2  # seconds of frames that a clip reads after its key frame


def scan_ava(dataset: dict, num_classes: Optional[int], report: Report) -> List[Item]:
    """Videos of a dataset of mmaction2's ``AVADataset``.

    Args:
        dataset (dict): Its config.
        num_classes (int, optional): Number of actions, if known; action ids start from 1.
        report (Report): Takes the findings.
    """
    root = dataset.get('data_root') or ''
    (key, prefix), = dict(dataset['data_prefix']).items()
    folder = osp.join(root, prefix)
    if not osp.isdir(folder):
        report.add('layout', folder, 'no such folder')
        return []
    for name in ('exclude_file', 'label_file'):
        path = dataset.get(name) and osp.join(root, dataset[name])
        if path and not osp.isfile(path):
            report.add('layout', path, f'no such file ("{name}" of the dataset)')
    last = _scan_boxes(osp.join(root, dataset['ann_file']), dataset, num_classes, report)
    if dataset.get('proposal_file'):
        _scan_proposals(osp.join(root, dataset['proposal_file']), report)
    report.samples = len(last)
    if key == 'video':
        return [Video(osp.join(folder, video)) for video in last]
    start, end, fps = (dataset.get(name, default)
                       for name, default in (('timestamp_start', 900), ('timestamp_end', 1800),
                                             ('fps', 30)))
    template = dataset.get('filename_tmpl', 'img_{:05}.jpg')
    return [
        Frames(osp.join(folder, video), (min(time + _MARGIN, end) - start) * fps, template)
        for video, time in last.items()
    ]


def _scan_boxes(path: str, dataset: dict, num_classes: Optional[int],
                report: Report) -> Dict[str, int]:
    """Last annotated second of every video."""
    last: Dict[str, int] = {}
    actions = set()
    report.objects = 0
    for number, line in open_lines(path, report):
        where = f'{path}, line {number}'
        fields = line.split(',')
        try:
            video, time, *box, action, _ = fields
            time, action, box = int(time), int(action), [float(x) for x in box]
            x1, y1, x2, y2 = box
        except ValueError:
            report.add('annotation', where, f'expected "{_COLUMNS}", but got "{line[:100]}"')
            continue
        if not (0 <= x1 < x2 <= 1 and 0 <= y1 < y2 <= 1):
            report.add('box', where, f'box {box} should be x1 < x2, y1 < y2, all in [0, 1]')
        if action < 1 or (num_classes is not None and action > num_classes):
            report.add('label', where, f'action {action} is outside of 1..{num_classes or ""}')
        report.objects += 1
        actions.add(action)
        last[video] = max(last.get(video, time), time)
    report.classes = tuple(sorted(actions))
    return last


def _scan_proposals(path: str, report: Report) -> None:
    try:
        with open(path, 'rb') as file:
            proposals = load_arrays(file)
    except FileNotFoundError:
        report.add('layout', path, 'no such file ("proposal_file" of the dataset)')
        return
    except (pickle.UnpicklingError, EOFError, ValueError) as error:
        report.add('annotation', path,
                   f'is not a pickle of arrays: {type(error).__name__}: {error}')
        return
    for key, boxes in proposals.items():
        if boxes.ndim != 2 or boxes.shape[1] not in (4, 5) or boxes.min(initial=0) < 0 or \
                boxes[:, :4].max(initial=0) > 1:
            report.add('box', f'{path}, {key}', 'proposals should be rows x1, y1, x2, y2[, score] '
                       'in [0, 1]')
