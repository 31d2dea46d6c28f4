"""Labelled pictures: a folder per class, or a list of paths and labels."""
import os
import os.path as osp
from typing import List, Optional

from .lists import check_labels, read_lines
from .media import Image, Item
from .report import Report

EXTENSIONS = ('.jpg', '.jpeg', '.png', '.ppm', '.bmp', '.pgm', '.tif')  # mmpretrain's


def scan_images(dataset: dict, num_classes: Optional[int], report: Report) -> List[Item]:
    """Pictures of a dataset of mmpretrain's ``ImageNet``, ``ImageNet21k`` or ``CustomDataset``.

    Args:
        dataset (dict): Its config.
        num_classes (int, optional): Number of classes, if known.
        report (Report): Takes the findings.
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
        return _scan_list(osp.join(root, ann_file), folder, num_classes, report)
    return scan_class_folders(folder, EXTENSIONS, Image, num_classes, report)


def scan_class_folders(folder: str, extensions: tuple, item: type, num_classes: Optional[int],
                       report: Report) -> List[Item]:
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


def _find_files(folder: str, extensions: tuple, nested: bool, report: Report) -> List[str]:
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


def _scan_list(ann_file: str, folder: str, num_classes: Optional[int],
               report: Report) -> List[Item]:
    items, labels = [], []
    for line, (path, label) in read_lines(ann_file, 'path label', report):
        items.append(Image(osp.join(folder, path)))
        labels.append((line, label))
    check_labels(ann_file, labels, num_classes, report)
    report.samples = len(items)
    return items
