"""Action detection data in AVA's format."""
import os.path as osp
from typing import Dict, List, Optional

from ..datasets.mmaction.annotations import PERSON_COLUMNS, read_detections
from ..datasets.readers import find_videos
from .lists import open_lines
from .media import Frames, Item, Video
from .report import SplitReport

_MARGIN = 2  # seconds of frames that a clip reads after its key frame


def scan_ava(dataset: dict, num_classes: Optional[int], report: SplitReport) -> List[Item]:
    """Videos of a dataset of our ``AVADataset``."""
    root = dataset.get('data_root') or ''
    (key, prefix), = dict(dataset['data_prefix']).items()
    folder = osp.join(root, prefix)
    if not osp.isdir(folder):
        report.add('layout', folder, 'no such folder')
        return []
    exclude_file = dataset.get('exclude_file') and osp.join(root, dataset['exclude_file'])
    if exclude_file and not osp.isfile(exclude_file):
        report.add('layout', exclude_file, 'no such file ("exclude_file" of the dataset)')
    first = dataset.get('first_second', 900)
    last = _scan_boxes(osp.join(root, dataset['ann_file']), num_classes, first, report)
    if dataset.get('proposal_file'):
        _scan_proposals(osp.join(root, dataset['proposal_file']), report)
    report.samples = len(last)
    if key == 'video':
        files = find_videos(folder)
        return [
            Video(files.get(video, osp.join(folder, video)), second - first)
            for video, second in last.items()
        ]
    return [
        _frames(dataset, osp.join(folder, video), second - first) for video, second in last.items()
    ]


def _frames(dataset: dict, folder: str, second: int) -> Frames:
    """The frames up to a second from the start that a clip around it reads."""
    fps, total = dataset.get('fps', 30), dataset.get('num_frames')
    count = round(second * fps) + 1 if total is None else min(
        round((second + _MARGIN) * fps), total)
    template = dataset.get('filename_tmpl', 'img_{:05}.jpg')
    return Frames(folder, count, template, dataset.get('start_index'))


def _scan_boxes(path: str, num_classes: Optional[int], first_second: int,
                report: SplitReport) -> Dict[str, int]:
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
            report.add('annotation', where, f'expected "{PERSON_COLUMNS}", but got "{line[:100]}"')
            continue
        if not (0 <= x1 < x2 <= 1 and 0 <= y1 < y2 <= 1):
            report.add('box', where, f'box {box} should be x1 < x2, y1 < y2, all in [0, 1]')
        if action < 1 or (num_classes is not None and action > num_classes):
            report.add('label', where, f'action {action} is outside of 1..{num_classes or ""}')
        if time < first_second:
            report.add(
                'annotation', where, f'second {time} is before the start of the video, '
                f'which is second {first_second} ("first_second" of the dataset)')
        report.objects += 1
        actions.add(action)
        last[video] = max(last.get(video, first_second), time)
    report.classes = tuple(sorted(actions))
    return last


def _scan_proposals(path: str, report: SplitReport) -> None:
    try:
        proposals = read_detections(path)
    except FileNotFoundError:
        report.add('layout', path, 'no such file ("proposal_file" of the dataset)')
        return
    except ValueError as error:
        report.add('annotation', path, str(error).replace(f'{path}: ', ''))
        return
    for (video, second), boxes in proposals.items():
        if boxes.min(initial=0) < 0 or boxes.max(initial=0) > 1:
            report.add('box', f'{path}, {video},{second:04d}',
                       'x1, y1, x2, y2 and score of proposals should be in [0, 1]')
