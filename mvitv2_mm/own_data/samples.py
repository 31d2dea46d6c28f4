"""What own data is, whatever format it came in."""
from collections import Counter
from dataclasses import dataclass, field
from typing import Dict, List, NamedTuple, Optional, Tuple, Union

Box = Tuple[float, float, float, float]
NOUNS = dict(image='pictures', detection='pictures', video='clips', action_detection='videos')


class Object(NamedTuple):
    """An object in a picture.

    Attributes:
        label (int): Position of its class.
        box (Box): x1, y1, x2, y2 in pixels of the upright picture.
        mask (list | dict, optional): Polygons or a run-length code as COCO writes them, None
            without a mask.
        crowd (bool): Whether nothing is to be learnt from it.
        area (float, optional): Pixels that it covers, None where nobody states it.
    """
    label: int
    box: Box
    mask: Optional[Union[list, dict]] = None
    crowd: bool = False
    area: Optional[float] = None


class Person(NamedTuple):
    """An action of a person at a second of a video; ``box`` is relative to the picture."""
    label: int
    box: Box
    second: int
    person: int


@dataclass(frozen=True)
class Sample:
    """A picture, a clip or a video with what is known of it.

    Attributes:
        path (str): Absolute path of the file, or of a folder of frames.
        label (int, optional): Position of its class, for pictures and clips with one label.
        objects (tuple): Its :class:`Object`, or in videos each :class:`Person`.
        size (tuple[int, int], optional): Width and height of the upright picture, for detection.
    """
    path: str
    label: Optional[int] = None
    objects: Tuple[Union[Object, Person], ...] = ()
    size: Optional[Tuple[int, int]] = None

    def labels(self) -> Counter:
        """How often each class occurs in the sample."""
        if self.label is not None:
            return Counter([self.label])
        return Counter(obj.label for obj in self.objects)


@dataclass
class OwnData:
    """Data of a user in memory; see :func:`mvitv2_mm.own_data.recognise`.

    Attributes:
        task (str): 'image', 'detection', 'video' or 'action_detection'.
        kind (str): The recognised format in words.
        root (str): Absolute path of the user's folder.
        classes (tuple[str, ...]): Names of the classes in the order of their labels.
        splits (dict[str, tuple]): Samples of 'train' and, if there are such, of 'val' and 'test'.
        notes (list[str]): What a user should know, a line each.
        record (dict): How the splits were made, as it is written down.
        reading (dict): How videos of action detection are read: 'key' ('video' or 'img'), and the
            arguments ``first_second``, ``fps`` and ``filename_tmpl`` of ``AVADataset`` that differ.
    """
    task: str
    kind: str
    root: str
    classes: Tuple[str, ...]
    splits: Dict[str, Tuple[Sample, ...]]
    notes: List[str] = field(default_factory=list)
    record: dict = field(default_factory=lambda: dict(made_by='the data itself'))
    reading: dict = field(default_factory=dict)

    def counts(self, split: str) -> Counter:
        """How often each label occurs in a split: samples, objects or actions of people."""
        found: Counter = Counter()
        for sample in self.splits[split]:
            found.update(sample.labels())
        return found

    def describe(self) -> str:
        """Lines for the user: the format, samples and classes of each split, notes."""
        lines = [f'{self.root}: {self.kind}, {len(self.classes)} classes ({self._names()})']
        for split, samples in self.splits.items():
            counts = self.counts(split)
            text = f'  {split}: {len(samples):,} {NOUNS[self.task]}'
            if self.task == 'detection':
                masks = sum(obj.mask is not None for s in samples for obj in s.objects)
                text += f', {sum(counts.values()):,} objects, {masks:,} with a mask'
            elif self.task == 'action_detection':
                text += f', {sum(counts.values()):,} actions of people'
            lines.append(f'{text}, {len(counts)} of the classes')
        return '\n'.join(lines + [f'  note: {note}' for note in self.notes])

    def _names(self) -> str:
        shown = ', '.join(self.classes[:8])
        return shown + (', ...' if len(self.classes) > 8 else '')
