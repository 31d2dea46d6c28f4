"""What happened to every tensor on its way from a file into a model."""
from dataclasses import dataclass, field
from typing import List, NamedTuple

# In the order of a summary.
ACTIONS = ('copied', 'renamed', 'resized', 'inflated', 'deflated', 'zeroed', 'sliced', 'padded',
           'dropped', 'new')


class Entry(NamedTuple):
    """One tensor: ``source`` and ``target`` are its names in the file and the model, or ''."""
    action: str
    source: str
    target: str
    detail: str = ''

    def __str__(self) -> str:
        names = ' -> '.join(name for name in (self.source, self.target) if name)
        if self.source == self.target:
            names = self.source
        return f'{self.action:9s}{names}{f" ({self.detail})" if self.detail else ""}'


@dataclass
class Report:
    """Account of one transfer."""
    title: str
    entries: List[Entry] = field(default_factory=list)
    notes: List[str] = field(default_factory=list)

    def add(self, action: str, source: str, target: str, detail: str = '') -> None:
        self.entries.append(Entry(action, source, target, detail))

    def of(self, *actions: str) -> List[Entry]:
        """Entries with one of these actions."""
        return [entry for entry in self.entries if entry.action in actions]

    def counts(self) -> str:
        """'246 renamed, 12 resized, 2 dropped'."""
        found = [(len(self.of(action)), action) for action in ACTIONS]
        return ', '.join(f'{number} {action}' for number, action in found if number)

    @property
    def fits(self) -> bool:
        """Whether every tensor of the model comes from the file, cut or resized or not."""
        return not self.of('new')

    @property
    def is_plain(self) -> bool:
        """Whether the file fits as it is, names included, so that nothing need be said."""
        return not self.notes and len(self.of('copied')) == len(self.entries)

    def warnings(self) -> List[str]:
        """What a user must know: parts of the file not used and parts of the model not loaded."""
        lines = list(self.notes)
        for action, text in (('sliced', 'sliced'), ('padded', 'padded'), ('dropped', 'not used'),
                             ('new', 'not in the file, newly initialised')):
            groups = {}
            for entry in self.of(action):
                groups.setdefault(entry.detail, []).append(entry.source or entry.target)
            lines += [f'{text}: {_shorten(names)}{f" ({why})" if why else ""}'
                      for why, names in groups.items()]
        return lines

    def __str__(self) -> str:
        return '\n'.join([self.title, *map(str, self.entries), *self.notes, self.counts()])


def _shorten(names: List[str], limit: int = 6) -> str:
    more = f', and {len(names) - limit} more' if len(names) > limit else ''
    return ', '.join(names[:limit]) + more
