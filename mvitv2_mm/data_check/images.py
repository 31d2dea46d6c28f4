"""Labelled pictures: a folder per class, or a list of paths and labels."""
import os
import os.path as osp
from typing import List, Optional

from ..datasets.class_folders import IMAGE_SUFFIXES, class_names, is_hidden, label_folders, walk
from .lists import read_samples
from .loading import Picture, loading_steps
from .report import SplitReport


def scan_images(dataset: dict, num_classes: Optional[int], report: SplitReport) -> List[Picture]:
    """Pictures of our or mmpretrain's ``ImageNet``, ``ImageNet21k``, or of our ``ImageDataset`` or
    mmpretrain's ``CustomDataset``.
    """
    root, split = dataset.get('data_root') or '', dataset.get('split') or ''
    prefix = dataset.get('data_prefix') or split
    prefix = prefix['img_path'] if isinstance(prefix, dict) else prefix
    ann_file = dataset.get('ann_file') or ''
    # mmpretrain prefers the list to the folders
    if not ann_file and split and osp.exists(osp.join(root, 'meta', f'{split}.txt')):
        ann_file = osp.join('meta', f'{split}.txt')
    folder = osp.join(root, prefix)
    if not osp.isdir(folder):
        report.add('layout', folder, 'no such folder')
        return []
    if ann_file:
        samples = read_samples(
            osp.join(root, ann_file), folder, dataset, 'path label', num_classes, report)
        paths = [osp.join(folder, path) for path, in samples]
    else:
        paths = scan_class_folders(folder, IMAGE_SUFFIXES, True, dataset, num_classes, report)
    steps = loading_steps(dataset, 'mmpretrain')
    return [Picture(path, {}, steps) for path in paths]


def scan_class_folders(folder: str, extensions: tuple, nested: bool, dataset: dict,
                       num_classes: Optional[int], report: SplitReport) -> List[str]:
    """Paths of the files of a folder with one sub-folder per class.

    Args:
        folder (str): The folder.
        extensions (tuple): Ends of the names of samples.
        nested (bool): Whether samples may lie in further folders below.
        dataset (dict): Config of the dataset.
        num_classes (int, optional): Number of classes, if known.
        report (SplitReport): Takes the findings.
    """
    if not dataset.get('with_label', True):
        paths = _find_files(folder, extensions, True, report)
        report.samples = len(paths)
        return paths
    names = class_names(folder)
    if not names:
        loose = sum(entry.name.lower().endswith(extensions) for entry in os.scandir(folder))
        report.add(
            'layout', folder, f'no folder per class, but {loose} loose files: sort them '
            'into a folder per class, or write a list "path label" per line')
        return []
    classes = (dataset.get('metainfo') or {}).get('classes') or names
    try:
        label_folders(folder, names, classes)
    except ValueError as error:
        report.add('label', folder, str(error).replace(f'{folder} ', ''))
    paths = []
    for name in sorted({*names, *classes}):
        found = _find_files(osp.join(folder, name), extensions, nested, report)
        if not found:
            report.add_absent(osp.join(folder, name), 'class folder without samples')
        paths += found
    report.samples, report.classes = len(paths), tuple(names)
    if num_classes is not None and len(classes) != num_classes:
        report.add('label', folder, f'{len(classes)} class folders, but the model has '
                   f'{num_classes} classes')
    return paths


def _find_files(folder: str, extensions: tuple, nested: bool, report: SplitReport) -> List[str]:
    found, places = [], walk(folder)
    if not nested:
        names = os.listdir(folder) if osp.isdir(folder) else []
        places = [(folder, sorted(name for name in names if not is_hidden(name)))]
    for parent, names in places:
        for name in names:
            if name.lower().endswith(extensions):
                found.append(osp.join(parent, name))
            else:
                report.add('ignored', osp.join(parent, name), 'not one of the file types '
                           f'{" ".join(extensions)}')
    return found
