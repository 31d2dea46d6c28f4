import logging
import os
from typing import Dict, Iterable, Iterator, List, Sequence, Tuple

from mmengine.fileio import LocalBackend
from mmengine.logging import print_log
from mmpretrain import datasets as host
from mmpretrain.datasets.custom import find_folders, get_samples

from ...registry import DATASETS
from ..class_folders import IMAGE_SUFFIXES, is_hidden, label_folders, walk
from ..listed import ListedSamples
from ..storage import join
from ..texts import Texts
from ..unreadable import ReadsPictures


class _LinkedFolders(LocalBackend):
    """Folders on this machine; none is listed twice where links lead back to it."""

    def list_dir_or_file(self, folder: str, **kwargs) -> Iterator[str]:
        for parent, names in walk(folder):
            place = os.path.relpath(parent, folder)
            yield from names if place == os.curdir else (os.path.join(place, name)
                                                         for name in names)


@DATASETS.register_module()
class ImageDataset(ReadsPictures, ListedSamples, host.CustomDataset):
    """mmpretrain's ``CustomDataset`` in which a label means the name of a class.

    - A class folder has the label of the class of its name. mmpretrain numbers the folders that it
      finds, so that another folder or none shifts the labels of a split.
    - Hidden files and folders are no data, and files of other types are left out with a word.
    - A picture that cannot be read is treated as :class:`ReplacesUnreadable` says.
    - Lists may have blank lines, tabs, commas, a byte-order mark, and names instead of numbers.
    - Millions of samples take seconds and little memory (:class:`ListedSamples`), and they may lie
      in tar files: ``ann_file='NAME-{000000..000099}.tar'``.

    Args:
        extensions (Sequence[str]): Ends of the names of pictures. Defaults to ``IMAGE_SUFFIXES``.
        **kwargs: See :class:`ReplacesUnreadable` and mmpretrain's ``CustomDataset``.

    Raises:
        FileNotFoundError: If the list does not exist.
        ValueError: If a folder is none of ``metainfo['classes']``, a line of the list is not as it
            should be, or there is no picture.
    """

    # Labels are compared with the classes while they are read, so nobody needs to do it again.
    has_checked_labels = True

    def __init__(self, extensions: Sequence[str] = IMAGE_SUFFIXES, **kwargs) -> None:
        self._left_out: List[str] = []
        super().__init__(extensions=extensions, **kwargs)

    def load_data_list(self) -> Texts:
        """Read the list or the tar files, or look for pictures in the folders."""
        if not self.ann_file:
            return self._pack(self._find_samples())
        columns = 'path label' if self.with_label else 'path'
        return self._load_list(columns, len(self.CLASSES or ()), IMAGE_SUFFIXES)

    def _has_file(self, path: str) -> bool:
        return True  # a picture has one label, whatever its path ends with

    def _describe(self, path: str, numbers: List[int], labels: List[int]) -> dict:
        info = dict(img_path=join(self.img_prefix, path))
        if self.with_label:
            info['gt_label'] = labels[0]
        return info

    def _find_samples(self) -> Iterable[Tuple[str, List[int]]]:
        labels = None
        if self.with_label:
            names = [name for name in find_folders(self.img_prefix)[0] if not is_hidden(name)]
            labels = self._label(names)
        backend = None if '://' in self.img_prefix else _LinkedFolders()
        samples, empty = get_samples(self.img_prefix, labels, self.is_valid_file, backend)
        if not samples:
            raise ValueError(f'{self.img_prefix} holds no picture ({" ".join(IMAGE_SUFFIXES)})')
        if self._left_out:
            print_log(
                f'{self.img_prefix}: {len(self._left_out)} files are left out, which are of other '
                f'types than {" ".join(IMAGE_SUFFIXES)}, the first is {self._left_out[0]}',
                'current', logging.WARNING)
        if empty:
            print_log(f'{self.img_prefix}: no picture of the classes {", ".join(sorted(empty))}',
                      'current', logging.WARNING)
        if not self.with_label:
            return ((path, []) for path in samples)
        return ((path, [label]) for path, label in samples)

    def _label(self, names: List[str]) -> Dict[str, int]:
        """Labels of class folders, whose names are the classes if none are stated."""
        if self.CLASSES is None:
            self._metainfo['classes'] = tuple(names)
        return label_folders(self.img_prefix, names, self.CLASSES)

    def is_valid_file(self, filename: str) -> bool:
        """Whether a file below the folder of the pictures is one."""
        if is_hidden(filename):
            return False
        if super().is_valid_file(filename):
            return True
        self._left_out.append(filename)
        return False


@DATASETS.register_module()
class ImageNet(ImageDataset, host.ImageNet):
    """mmpretrain's ``ImageNet``, read as :class:`ImageDataset` reads.

    Its folders are called otherwise than its classes, so all of them must be there, and their
    sorted positions are the labels.
    """

    def _label(self, names: List[str]) -> Dict[str, int]:
        if len(names) != len(self.CLASSES):
            raise ValueError(f'{self.img_prefix} has {len(names)} class folders, but ImageNet has '
                             f'{len(self.CLASSES)}; for other classes use '
                             'type="mvitv2_mm.ImageDataset"')
        return {name: label for label, name in enumerate(names)}


@DATASETS.register_module()
class ImageNet21k(ImageDataset, host.ImageNet21k):
    """mmpretrain's ``ImageNet21k``, read as :class:`ImageDataset` reads."""
