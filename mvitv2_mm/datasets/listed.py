"""Datasets of millions of samples, which are texts until they are asked for."""
from typing import Dict, Iterable, List, Sequence, Tuple, Union

import numpy as np

from .lists import LabelError, check_labels, load_lines, number_names, split_sample
from .shards import is_shards, shard_samples, to_labels
from .storage import shown
from .texts import Texts, odd_lines

Columns = Tuple[str, List[int], List[int]]


class ListedSamples:
    """For datasets of mmengine, whose samples stay lines of the annotation file.

    mmengine makes a dict of every sample at the start, and pickles it: minutes and gigabytes for
    ten million of them. Here the lines that are plain are not looked at one by one, and a line
    becomes a sample when it is asked for.

    Subclasses return what :meth:`_load_list` or :meth:`_pack` gives as their data list, or set
    ``_holds_texts`` to False.
    """
    _holds_texts = True
    with_label = True
    multi_class = False
    _num_before = 0  # numbers in front of the labels
    _numbers: Dict[str, int] = {}  # of the classes by their names
    _is_packed = False
    _highest = -1  # label, if packed

    def _describe(self, path: str, numbers: List[int], labels: List[int]) -> dict:
        """A sample by its path, the numbers before its labels, and its labels."""
        raise NotImplementedError

    def _load_list(self, columns: str, num_classes: int, suffixes: Sequence[str]) -> Texts:
        """The samples of ``ann_file``, a list or tar files.

        Args:
            columns (str): What a line of a list should be, for messages.
            num_classes (int): How many classes there are, 0 if nobody knows.
            suffixes (Sequence[str]): Ends of the names of the files that are samples.
        """
        self._numbers = number_names(self._metainfo.get('classes') or ())
        if is_shards(self.ann_file):
            return self._pack(self._label_shards(num_classes, suffixes))

        def check(line: str) -> None:
            path, numbers, labels = self._split(line)
            check_labels(path, labels, num_classes, lambda: self._has_file(path))

        def odd(texts: Texts) -> Iterable[int]:
            if self.multi_class:
                return range(len(texts))
            highest = num_classes - 1 if num_classes and self.with_label else np.inf
            return odd_lines(texts, self._num_before + self.with_label, highest)

        return load_lines(self.ann_file, check, columns, odd)

    def _has_file(self, path: str) -> bool:
        """Whether there is a file with the path in a line."""
        raise NotImplementedError

    def _split(self, line: str) -> Columns:
        return split_sample(line, self._num_before, self.with_label, self.multi_class,
                            self._numbers)

    def _label_shards(self, num_classes: int,
                      suffixes: Sequence[str]) -> Iterable[Tuple[str, List[int]]]:
        for path, label in shard_samples(self.ann_file, suffixes):
            labels = to_labels(label, self._numbers) if self.with_label else []
            if labels is None or (len(labels) != 1 and self.with_label and not self.multi_class):
                raise ValueError(
                    f'{shown(path)} has the label {label!r}; its .cls, or "label" in its '
                    '.json, should be the name or the number of a class')
            try:
                check_labels(path, labels, num_classes)
            except LabelError as error:
                raise ValueError(f'{shown(path)}: {error}') from None
            yield path, labels

    def _pack(self, samples: Iterable[Tuple[str, List[int]]]) -> Texts:
        """Samples by their paths and labels."""
        self._is_packed, texts = True, []
        for path, labels in samples:
            self._highest = max(self._highest, *labels, -1)
            texts.append(f'{" ".join(map(str, labels))}\t{path}')
        return Texts.pack(texts)

    def _unpack(self, text: str) -> Columns:
        labels, path = text.split('\t', 1)
        return path, [], [int(label) for label in labels.split()]

    def _get_unserialized_subset(self, indices: Union[Sequence[int], int]) -> Sequence:
        """A part of the samples, see :class:`mmengine.dataset.BaseDataset`."""
        if not self._holds_texts:
            return super()._get_unserialized_subset(indices)
        wanted = range(len(self.data_list))
        if isinstance(indices, int):
            wanted = wanted[:indices] if indices >= 0 else wanted[indices:]
        else:
            wanted = [wanted[i] for i in indices]
        return Texts.pack([self.data_list.text(i) for i in wanted])

    def _serialize_data(self) -> Tuple[np.ndarray, np.ndarray]:
        """The samples as mmengine keeps them."""
        if not self._holds_texts:
            return super()._serialize_data()
        return self.data_list.content, self.data_list.ends

    def full_init(self) -> None:
        """Load the annotations, see :class:`mmengine.dataset.BaseDataset`."""
        self.serialize_data = self.serialize_data or self._holds_texts
        super().full_init()

    def get_data_info(self, idx: int) -> dict:
        """The sample at an index."""
        if not self._holds_texts:
            return super().get_data_info(idx)
        self.full_init()
        text = Texts(self.data_bytes, self.data_address).text(idx)
        columns = self._unpack(text) if self._is_packed else self._split(text.strip())
        return dict(self._describe(*columns), sample_idx=idx if idx >= 0 else len(self) + idx)

    def has_labels_below(self, num_classes: int) -> bool:
        """Whether a glance shows that all labels are those of so many classes."""
        if self._is_packed:
            return self._highest < num_classes
        if self.multi_class or not self.with_label or not self._holds_texts:
            return False
        texts = Texts(self.data_bytes, self.data_address)
        return next(odd_lines(texts, self._num_before + 1, num_classes - 1), None) is None
