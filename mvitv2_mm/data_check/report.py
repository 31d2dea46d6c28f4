"""What a check found."""
from collections import Counter
from dataclasses import dataclass, field
from typing import Callable, NamedTuple, Optional, Tuple


class Kind(NamedTuple):
    """A kind of problem: only errors make the check fail."""
    is_error: bool
    remedy: str

    @property
    def level(self) -> str:
        return 'error' if self.is_error else 'note'


KINDS = {
    'layout':
    Kind(True, 'lay the data out as docs/datasets.md shows, or name its place with '
         '--data-root'),
    'annotation':
    Kind(True, 'get the annotation file again, or repair the named entries'),
    'label':
    Kind(
        True, 'labels count from 0 to the number of classes less 1; take the class list '
        'that belongs to the annotation file'),
    'box':
    Kind(True, 'repair or remove the named boxes in the annotation file'),
    'count':
    Kind(True, 'the set is not complete: download or unpack it again'),
    'missing':
    Kind(True, 'download or extract the named files again, or remove them from the '
         'annotation file'),
    'unreadable':
    Kind(True, 'replace the named files, or remove them from the annotation file'),
    'damaged':
    Kind(False, 'these clips are used as far as they can be read; replace them if you '
         'can'),
    'duplicate':
    Kind(False, 'these samples count several times; remove the repeated lines'),
    'incomplete':
    Kind(False, 'videos vanish from the web; accuracy is not exactly comparable with '
         'published figures'),
    'elsewhere':
    Kind(False, 'check such data on the disk, before you pack or upload it'),
    'ignored':
    Kind(False, 'training does not use these; nothing to do if that is intended'),
}


class DataProblem(NamedTuple):
    """What is wrong with a file or an entry, of a kind in ``KINDS``."""
    kind: str
    where: str
    what: str


@dataclass
class SplitReport:
    """Size and problems of one split of a dataset.

    Attributes:
        split (str): 'train', 'val', ...
        on_problem (Callable): Called with the name of the split and every :class:`DataProblem`.
        samples (int): Number of pictures, clips or videos.
        objects (int, optional): Number of annotated boxes, for detection.
        classes (tuple): Names or indices of the classes that occur.
        by_name (bool): Whether labels go by these names, or else by their order.
        counts (Counter): Number of problems per kind.
    """
    split: str
    on_problem: Callable[[str, DataProblem], None]
    samples: int = 0
    objects: Optional[int] = None
    classes: Tuple = ()
    by_name: bool = False
    counts: Counter = field(default_factory=Counter)

    def add(self, kind: str, where: str, what: str) -> None:
        """Record a problem; the arguments are those of :class:`DataProblem`."""
        self.counts[kind] += 1
        self.on_problem(self.split, DataProblem(kind, str(where), what))

    def add_absent(self, where: str, what: str) -> None:
        """Record classes without samples, which only a training cannot do without."""
        self.add('ignored' if self.split.startswith(('val', 'test')) else 'count', where, what)

    @property
    def num_errors(self) -> int:
        return sum(n for kind, n in self.counts.items() if KINDS[kind].is_error)

    def as_dict(self) -> dict:
        """Sizes and counts as JSON has them."""
        return dict(
            split=self.split,
            samples=self.samples,
            objects=self.objects,
            classes=list(self.classes),
            problems=dict(self.counts),
            errors=self.num_errors)
