"""Labelled clips: video files or folders of frames."""
import os.path as osp
from typing import List, Optional

from ..datasets.mmaction.annotations import CLIP_COLUMNS
from ..datasets.readers import VIDEO_SUFFIXES
from .images import scan_class_folders
from .lists import read_samples
from .media import Frames, Item, Video
from .report import SplitReport


def scan_clips(dataset: dict, num_classes: Optional[int], report: SplitReport) -> List[Item]:
    """Clips of a dataset of our ``ClipDataset``."""
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
    paths = read_samples(ann_file, CLIP_COLUMNS[key], num_classes, report)
    return [
        Frames(osp.join(folder, path), *num_frames, template, dataset.get('start_index'))
        if num_frames else Video(osp.join(folder, path)) for path, *num_frames in paths
    ]
