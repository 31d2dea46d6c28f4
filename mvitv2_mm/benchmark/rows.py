"""What every row of a table can do."""
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Dict, Sequence, Tuple


@dataclass
class Row:
    """What was measured of one implementation; rows of one ``setting`` stand in a table.

    Attributes:
        kind (str): Of the table.
        columns (tuple[str]): Of the table.
        in_columns (bool): Whether the table is turned, with a column for each row. Defaults to
            False.
        name (str): Of the implementation.
        machine (str): Where it was measured.
    """
    kind: ClassVar[str]
    columns: ClassVar[Tuple[str, ...]]
    in_columns: ClassVar[bool] = False
    name: str
    machine: str

    def cells(self, group: Sequence['Row']) -> Tuple[str, ...]:
        """A line of the table of a setting, below ``columns``.

        Args:
            group (Sequence[Row]): All rows of the table.
        """
        raise NotImplementedError

    def as_dict(self) -> Dict[str, Any]:
        """The values, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Dict[str, Any]) -> 'Row':
        """The row of what ``as_dict`` gave."""
        return cls(**{field.name: values[field.name] for field in fields(cls)})
