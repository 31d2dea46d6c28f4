"""Labelled pictures: a folder per class, or a list of paths and labels."""
import os
import os.path as osp
from typing import List, Optional

from .lists import read_samples
from .media import Image, Item
from .report import SplitReport

EXTENSIONS = ('.jpg', '.jpeg', '.png', '.ppm', '.bmp', '.pgm', '.tif')  # mmpretrain's


def scan_images(dataset: dict, num_classes: Optional[int], report: SplitReport) -> List[Item]:
    """Pictures of a dataset of mmpretrain's ``ImageNet``, ``ImageNet21k`` or ``CustomDataset``."""
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
        samples = read_samples(osp.join(root, ann_file), 'path label', num_classes, report)
        return [Image(osp.join(folder, path)) for path, in samples]
    return scan_class_folders(folder, EXTENSIONS, Image, num_classes, report)


def scan_class_folders(folder: str, extensions: tuple, item: type, num_classes: Optional[int],
                       report: SplitReport) -> List[Item]:
    """Files of a folder with one sub-folder per class, whose sorted names are the classes.

    Pictures may lie in further folders below, as in mmpretrain; clips may not.
    """
    entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    names = [entry.name for entry in entries if entry.is_dir()]
    if not names:
        loose = sum(entry.name.lower().endswith(extensions) for entry in entries)
        report.add(
            'layout', folder, f'no folder per class, but {loose} loose files: sort them '
            'into a folder per class, or write a list "path label" per line')
        return []
    items = []
    for name in names:
        found = _find_files(osp.join(folder, name), extensions, item is Image, report)
        if not found:
            report.add('count', osp.join(folder, name), 'class folder without samples')
        items.extend(item(path) for path in found)
    report.samples, report.classes = len(items), tuple(names)
    if num_classes is not None and len(names) != num_classes:
        report.add('label', folder, f'{len(names)} class folders, but the model has {num_classes} '
                   'classes')
    return items


def _find_files(folder: str, extensions: tuple, nested: bool, report: SplitReport) -> List[str]:
    found = []
    for parent, folders, names in os.walk(folder):
        if not nested:
            names += folders
            folders.clear()
        for name in sorted(names):
            if name.lower().endswith(extensions):
                found.append(osp.join(parent, name))
            else:
                report.add('ignored', osp.join(parent, name), 'not one of the file types '
                           f'{" ".join(extensions)}')
    return found
