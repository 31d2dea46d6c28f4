"""Labelled clips: video files or folders of frames."""
import os.path as osp
from typing import List, Optional

from ..datasets.clip_dataset import VIDEO_SUFFIXES
from .images import scan_class_folders
from .lists import check_labels, read_lines
from .media import Frames, Item, Video
from .report import Report


def scan_clips(dataset: dict, num_classes: Optional[int], report: Report) -> List[Item]:
    """Clips of a dataset of our ``ClipDataset``.

    Args:
        dataset (dict): Its config.
        num_classes (int, optional): Number of classes, if known.
        report (Report): Takes the findings.
    """
    root = dataset.get('data_root') or ''
    (key, prefix), = dict(dataset['data_prefix']).items()
    folder = osp.join(root, prefix)
    if not osp.isdir(folder):
        report.add('layout', folder, 'no such folder')
        return []
    if not dataset.get('ann_file'):
        return scan_class_folders(folder, VIDEO_SUFFIXES, Video, num_classes, report)
    ann_file = osp.join(root, dataset['ann_file'])
    template = dataset.get('filename_tmpl', 'img_{:05}.jpg')
    items, labels = [], []
    columns = 'path label' if key == 'video' else 'folder num_frames label'
    for line, (path, *num_frames, label) in read_lines(ann_file, columns, report):
        path = osp.join(folder, path)
        items.append(Frames(path, *num_frames, template) if num_frames else Video(path))
        labels.append((line, label))
    check_labels(ann_file, labels, num_classes, report)
    report.samples = len(items)
    return items
