"""What a dry run leaves in the work dir of a training, which the report of the training reads."""
import json
from pathlib import Path
from typing import Optional, Union

FOLDER, FILE = 'dry_run', 'dry_run.json'


def read_dry_run(work_dir: Union[str, Path]) -> Optional[dict]:
    """What the last dry run in a work dir has found, None if there was none.

    Returns:
        dict | None: ``plan``, ``measured`` and ``estimate`` are what a report compares with the
        run: ``estimate`` has "train_seconds", "val_seconds" and "save_seconds" (all of the whole
        run) and "peak_bytes", or is None if the memory was too small.

    Raises:
        ValueError: If the file is damaged.
    """
    path = Path(work_dir, FOLDER, FILE)
    if not path.is_file():
        return None
    try:
        return json.loads(path.read_text(encoding='utf-8'))
    except ValueError:
        raise ValueError(f'{path} is damaged: remove it, or make the dry run again') from None
