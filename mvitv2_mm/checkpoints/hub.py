"""Model folders on the Hugging Face Hub: ``hf://OWNER/NAME``, or with ``@REVISION``."""
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

from ..extras import require
from .io import CheckpointError
from .model_folder import CONFIG, INFO, WEIGHTS

PREFIX = 'hf://'


def download_folder(model: str) -> Path:
    """Download a model folder once, into the cache of huggingface_hub; later offline as well.

    Args:
        model (str): ``hf://OWNER/NAME`` or ``hf://OWNER/NAME@REVISION``.

    Returns:
        Path: The folder in the cache, which holds the weights, the config and what is known.

    Raises:
        CheckpointError: If it cannot be had.
        ImportError: If huggingface_hub is not installed.
    """
    hub = require('huggingface_hub', model)
    repo, _, revision = model.removeprefix(PREFIX).partition('@')
    with _explained(model):
        return Path(
            hub.snapshot_download(
                repo, revision=revision or None, allow_patterns=[WEIGHTS, CONFIG, INFO]))


def upload_folder(folder: Path, repo: str, private: bool, message: str) -> str:
    """Upload the files of a folder in one commit; a repository that does not exist is created.

    Args:
        folder (Path): What to upload.
        repo (str): OWNER/NAME.
        private (bool): Whether a new repository is private.
        message (str): Of the commit.

    Returns:
        str: The address of the repository.

    Raises:
        CheckpointError: If the hub refuses, for instance because nobody is logged in.
        ImportError: If huggingface_hub is not installed.
    """
    hub = require('huggingface_hub', 'push')
    with _explained(repo):
        api = hub.HfApi(library_name='mvitv2_mm')
        address = api.create_repo(repo, private=private, exist_ok=True)
        api.upload_folder(repo_id=repo, folder_path=folder, commit_message=message)
    return str(address)


@contextmanager
def _explained(name: str) -> Iterator[None]:
    """Say errors of the hub, of the network and of names in one line."""
    errors = require('huggingface_hub.errors', name)
    try:
        yield
    # HTTPError is that of requests, httpx or httpx2, by the version of huggingface_hub
    except (errors.HTTPError, errors.HFValidationError, errors.LocalEntryNotFoundError,
            OSError) as error:
        reason = ' '.join(str(error).split())
        raise CheckpointError(f'{name} cannot be reached on the hub: {reason[:300]} Check the '
                              'name and the network, and log in with: hf auth login') from None
