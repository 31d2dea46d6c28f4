"""What a check found."""
from collections import Counter
from dataclasses import dataclass, field
from typing import Callable, NamedTuple, Optional, Tuple


class Kind(NamedTuple):
    """A kind of finding: only errors make the check fail."""
    is_error: bool
    remedy: str


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
    'ignored':
    Kind(False, 'training does not use these; nothing to do if that is intended'),
}


class Problem(NamedTuple):
    """One line of the report."""
    split: str
    kind: str
    where: str
    what: str

    def __str__(self) -> str:
        level = 'error' if KINDS[self.kind].is_error else 'note'
        return f'{level}: {self.split}: {self.where}: {self.what} [{self.kind}]'


@dataclass
class Report:
    """Findings about one split of a dataset.

    Attributes:
        split (str): 'train', 'val', ...
        on_problem (Callable): Called with every :class:`Problem`.
        samples (int): Number of pictures, clips or videos.
        objects (int, optional): Number of annotated boxes, for detection.
        classes (tuple): Names or indices of the classes that occur.
        counts (Counter): Number of problems per kind.
    """
    split: str
    on_problem: Callable[[Problem], None]
    samples: int = 0
    objects: Optional[int] = None
    classes: Tuple = ()
    counts: Counter = field(default_factory=Counter)

    def add(self, kind: str, where: str, what: str) -> None:
        """Record a finding of a kind in ``KINDS`` about a file or an entry."""
        self.counts[kind] += 1
        self.on_problem(Problem(self.split, kind, str(where), what))

    @property
    def num_errors(self) -> int:
        return sum(n for kind, n in self.counts.items() if KINDS[kind].is_error)
