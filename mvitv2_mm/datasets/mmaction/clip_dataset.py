import copy
import os.path as osp
from itertools import takewhile
from pathlib import Path
from typing import Callable, List, Optional, Sequence, Tuple, Union

import torch
from mmengine.dataset import BaseDataset

from ...registry import DATASETS
from ..class_folders import class_names, is_hidden, label_folders, walk
from ..listed import ListedSamples
from ..readers import VIDEO_SUFFIXES, frame_pattern
from ..storage import join
from ..texts import Texts
from ..unreadable import ReplacesUnreadable, mark_unreadable
from .annotations import CLIP_COLUMNS


@DATASETS.register_module()
class ClipDataset(ReplacesUnreadable, ListedSamples, BaseDataset):
    """Labelled clips, from video files or folders of frames, read once and augmented repeatedly.

    Each line of the annotation file is ``path label`` for video files (``data_prefix`` has the key
    ``video``) or ``folder num_frames label`` for folders of frames (key ``img``), as in mmaction2;
    paths may hold blanks, tabs and commas may separate the columns, and names of
    ``metainfo['classes']`` may stand for their numbers. With ``multi_class`` a line ends with the
    labels of all classes that the clip shows. Without an annotation file, video files lie in one
    folder per class, ``data_prefix['video']/CLASS/``, named as in ``metainfo['classes']``; in
    testing a class may lack clips. Hidden files and folders are no data. Video files may also lie
    in tar files, ``ann_file='NAME-{000000..000099}.tar'``. Millions of clips take seconds and
    little memory (:class:`ListedSamples`).

    A clip that cannot be read is treated as :class:`ReplacesUnreadable` says. One that is damaged
    but can be used in part is reported once, too, and is not among these.

    Args:
        ann_file (str): Path of the annotation file or the tar files, or '' to go by folders.
        pipeline (Sequence[dict | Callable]): Transforms. Those up to the one that declares
            ``reads_frames``, and ``Resize`` right after it, run once per clip, the others once per
            repeat.
        data_prefix (dict): Where the clips are, ``dict(video=...)`` or ``dict(img=...)``.
        num_repeats (int): Augmentations per clip, all of the same frames. With more than one, an
            item is a list and the data loader needs ``collate_fn=dict(type=
            'repeat_pseudo_collate')``; its batch size counts clips before repetition. Defaults
            to 1.
        filename_tmpl (str): File names of frames. Defaults to 'img_{:05}.jpg'.
        start_index (int, optional): Number of the first frame in its name. Defaults to None: the
            lowest in the folder.
        multi_class (bool): Whether a clip has several labels, as in Charades. They become a vector
            of zeros and ones. Defaults to False.
        num_classes (int, optional): Length of that vector. Defaults to the number of
            ``metainfo['classes']``.
        with_label (bool): Whether the clips are labelled; without, they can be predicted. Lines
            then have no label, and files lie in any folder. Defaults to True.
        **kwargs: See :class:`ReplacesUnreadable`.

    Raises:
        FileNotFoundError: If the annotation file does not exist.
        ValueError: If the annotation file is empty or a line of it is not as described, if a class
            has no video file or a folder is no class, or if no transform reads frames that could be
            repeated.

    Source: repeated augmentation of the same frames and the replacement of unreadable clips in
    training as in SlowFast ``slowfast/datasets/kinetics.py``.
    """

    def __init__(self,
                 ann_file: str,
                 pipeline: Sequence[Union[dict, Callable]],
                 data_prefix: dict,
                 num_repeats: int = 1,
                 filename_tmpl: str = 'img_{:05}.jpg',
                 start_index: Optional[int] = None,
                 multi_class: bool = False,
                 num_classes: Optional[int] = None,
                 with_label: bool = True,
                 **kwargs) -> None:
        if set(data_prefix) not in ({'video'}, {'img'}):
            raise ValueError('"data_prefix" should be dict(video=...) or dict(img=...), but got '
                             f'{dict(data_prefix)}')
        if num_repeats < 1 or (num_repeats > 1 and kwargs.get('test_mode')):
            raise ValueError('"num_repeats" should be at least 1, and 1 in test mode, but got '
                             f'{num_repeats}')
        self.num_repeats = num_repeats
        frame_pattern(filename_tmpl)
        self.filename_tmpl = filename_tmpl
        self.start_index = start_index
        self.multi_class = multi_class
        self.num_classes = num_classes
        self.with_label = with_label
        self._num_before = int('img' in data_prefix)
        kwargs.setdefault('max_refetch', 10)
        super().__init__(ann_file=ann_file, pipeline=pipeline, data_prefix=data_prefix, **kwargs)
        steps = self.pipeline.transforms
        self._num_reading = max(
            (n for n, step in enumerate(steps, 1) if getattr(step, 'reads_frames', 0)), default=0)
        if num_repeats > 1 and not self._num_reading:
            raise ValueError('"num_repeats" repeats what follows the reading of the frames; put '
                             'mvitv2_mm.ReadFrames into "pipeline"')
        resizing = takewhile(lambda step: type(step).__name__ == 'Resize',
                             steps[self._num_reading:])
        self._num_reading += len(list(resizing))

    def load_data_list(self) -> Texts:
        """Read the annotation file or the tar files, or list the folders of the classes."""
        self.num_classes = self.num_classes or len(self.metainfo.get('classes', ())) or None
        if not self.ann_file:
            return self._pack(self._scan_folders() if self.with_label else self._scan_files())
        if self.multi_class and not self.num_classes:
            raise ValueError('"multi_class" needs "num_classes" or the names in '
                             '"metainfo.classes" of the dataset')
        key, = self.data_prefix
        columns = CLIP_COLUMNS[key] + ' ...' * self.multi_class
        return self._load_list(columns, self.num_classes or 0, VIDEO_SUFFIXES)

    def _scan_folders(self) -> List[Tuple[str, List[int]]]:
        root, found = Path(self.data_prefix['video']), []
        classes = self.metainfo.get('classes') or class_names(root)
        labels = label_folders(root, class_names(root), classes)
        for name in classes:
            paths = sorted((root / name).glob('*')) if name in labels else []
            clips = [path for path in paths if self._is_video(path.relative_to(root))]
            if not clips and not self.test_mode:
                raise ValueError(f'{root / name} holds no video file ({", ".join(VIDEO_SUFFIXES)}) '
                                 f'for the class "{name}"')
            found += [(f'{name}/{path.name}', [labels[name]]) for path in clips]
        if not found:
            raise ValueError(f'{root} holds no video file ({", ".join(VIDEO_SUFFIXES)}) in a '
                             'folder of a class')
        return found

    def _scan_files(self) -> List[Tuple[str, List[int]]]:
        root = Path(self.data_prefix['video'])
        names = sorted(
            Path(parent, name).relative_to(root) for parent, names in walk(str(root))
            for name in names)
        return [(str(name), []) for name in names if self._is_video(name)]

    @staticmethod
    def _is_video(path: Path) -> bool:
        return path.suffix.lower() in VIDEO_SUFFIXES and not is_hidden(path)

    def _has_file(self, path: str) -> bool:
        key, = self.data_prefix
        place = self._locate(key, path)
        return '://' in place or osp.exists(place)

    def _describe(self, path: str, numbers: List[int], labels: List[int]) -> dict:
        key, = self.data_prefix
        info = dict(video_id=path, filename=self._locate(key, path))
        if numbers:
            info = dict(
                video_id=path,
                frame_dir=self._locate(key, path),
                total_frames=numbers[0],
                filename_tmpl=self.filename_tmpl,
                first_number=self.start_index)
        if self.with_label:
            info['label'] = labels if self.multi_class else labels[0]
        return info

    def _locate(self, key: str, path: str) -> str:
        return join(self.data_prefix[key], path)

    def get_data_info(self, idx: int) -> dict:
        """Annotation of one clip with the keys that the transforms of mmaction2 read."""
        info = dict(super().get_data_info(idx), modality='RGB', start_index=0)
        if self.multi_class:
            labels = torch.zeros(self.num_classes)
            labels[info['label']] = 1.
            info['label'] = labels
        return info

    def get_cat_ids(self, idx: int) -> List[int]:
        """Labels of one clip, by which mmengine's ``ClassBalancedDataset`` repeats clips."""
        labels = super().get_data_info(idx).get('label', [])
        return labels if isinstance(labels, list) else [labels]

    def stand_in(self, idx: int) -> dict:
        """The clip with grey frames."""
        return mark_unreadable(self.prepare_data(idx, blank=True))

    def prepare_data(self, idx: int, blank: bool = False) -> Union[dict, List[dict]]:
        """Read a clip once, then augment it ``num_repeats`` times.

        Args:
            idx (int): Index of the clip.
            blank (bool): Use grey frames instead of reading. Defaults to False.

        Returns:
            dict | list[dict]: The processed clip; a list if ``num_repeats`` exceeds 1.
        """
        results = dict(self.get_data_info(idx), blank=blank)
        read = self.pipeline.transforms[:self._num_reading]
        augment = self.pipeline.transforms[self._num_reading:]
        for transform in read:
            results = transform(results)
        fault = results.pop('fault', None)
        if fault:
            self.report(idx, f'{fault}; using the rest', is_damaged=True)
        clips = [copy.deepcopy(results) for _ in range(self.num_repeats - 1)] + [results]
        for transform in augment:
            clips = [transform(clip) for clip in clips]
        return clips if self.num_repeats > 1 else clips[0]
