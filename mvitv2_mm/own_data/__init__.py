"""Data of users in the formats of other tools: recognised, split, and written in ours."""
from .recognition import recognise
from .samples import Object, OwnData, Person, Sample
from .splits import with_validation
from .writing import WrittenData, WrittenSplit, write

__all__ = [
    'Object', 'OwnData', 'Person', 'Sample', 'WrittenData', 'WrittenSplit', 'recognise',
    'with_validation', 'write'
]
