"""What happened to every tensor on its way from a file into a model."""
from dataclasses import dataclass, field
from typing import Dict, List, NamedTuple

# In the order of a summary. 'ignored' is known to be superfluous, 'dropped' is lost.
ACTIONS = ('copied', 'renamed', 'resized', 'inflated', 'deflated', 'adapted', 'zeroed', 'sliced',
           'padded', 'ignored', 'dropped', 'new')
_CHANGES = ('resized', 'inflated', 'deflated', 'adapted', 'zeroed')
_WARNINGS = {
    'sliced': 'sliced',
    'padded': 'padded',
    'dropped': 'not used',
    'new': 'not in the file, newly initialised',
}
_NAMED = 6  # tensors in a line


class Entry(NamedTuple):
    """One tensor: ``source`` and ``target`` are its names in the file and the model, or ''."""
    action: str
    source: str
    target: str
    detail: str = ''

    def __str__(self) -> str:
        names = dict.fromkeys(name for name in (self.source, self.target) if name)
        return f'{self.action:9s}{" -> ".join(names)}{f" ({self.detail})" if self.detail else ""}'


@dataclass
class TransferReport:
    """Account of one transfer; prints as one line per tensor and a summary."""
    title: str
    entries: List[Entry] = field(default_factory=list)
    notes: List[str] = field(default_factory=list)

    def add(self, action: str, source: str, target: str, detail: str = '') -> None:
        self.entries.append(Entry(action, source, target, detail))

    def of(self, *actions: str) -> List[Entry]:
        """Entries with one of these actions."""
        return [entry for entry in self.entries if entry.action in actions]

    def counts(self) -> str:
        """For example '246 renamed, 12 resized, 2 dropped'."""
        numbers = {action: len(self.of(action)) for action in ACTIONS}
        return ', '.join(f'{number} {action}' for action, number in numbers.items() if number)

    @property
    def is_complete(self) -> bool:
        """Whether all tensors of the model come from the file and nothing of it is lost."""
        return not self.of('dropped', 'new') and not self.notes

    @property
    def is_plain(self) -> bool:
        """Whether the file fits as it is, names included, so that nothing need be said."""
        return not self.notes and len(self.of('copied')) == len(self.entries)

    def changes(self) -> List[str]:
        """One line per tensor whose values or shape are not those in the file."""
        return [str(entry) for entry in self.of(*_CHANGES)]

    def warnings(self) -> List[str]:
        """What a user must know: parts of the file not used and parts of the model not loaded."""
        lines = list(self.notes)
        for action, text in _WARNINGS.items():
            groups: Dict[str, List[str]] = {}
            for entry in self.of(action):
                groups.setdefault(entry.detail, []).append(entry.source or entry.target)
            lines += [
                f'{text}: {_shorten(names)}{f" ({why})" if why else ""}'
                for why, names in groups.items()
            ]
        return lines

    def as_dict(self) -> dict:
        """All of it as JSON has it."""
        return dict(
            title=self.title,
            complete=self.is_complete,
            notes=self.notes,
            entries=[entry._asdict() for entry in self.entries])

    def __str__(self) -> str:
        return '\n'.join([*map(str, self.entries), self.title, *self.notes, self.counts()])


def _shorten(names: List[str]) -> str:
    more = f', and {len(names) - _NAMED} more' if len(names) > _NAMED else ''
    return ', '.join(names[:_NAMED]) + more
