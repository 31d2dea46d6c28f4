"""Files that are either complete or not there."""
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Union
from uuid import uuid4


@contextmanager
def replaced(path: Union[str, Path]) -> Iterator[Path]:
    """Yield a path to write to in place of ``path``, which is replaced if all goes well.

    Missing folders are made. After an error ``path`` is as before, and nothing lies beside it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f'.{path.stem}.{uuid4().hex}{path.suffix}')
    temporary.touch()
    mode = temporary.stat().st_mode
    try:
        yield temporary
        temporary.chmod(mode)  # safetensors lets only the owner read
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
