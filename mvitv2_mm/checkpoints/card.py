"""Put models on the Hugging Face Hub, with a card that says what they are."""
import tempfile
from pathlib import Path
from typing import Any

from ..extras import require
from .hub import upload_folder
from .model_folder import INFO, read_info
from .model_source import OpenedModel, save_model

_PIPELINES = dict(
    image='image-classification',
    detection='object-detection',
    video='video-classification',
    action_detection='video-classification')
_TASKS = dict(
    image='classifies pictures',
    detection='finds objects in pictures',
    video='recognises actions in clips',
    action_detection='recognises the actions of people in clips')
# the hub's words for licences
_LICENCES = {
    '': 'unknown',
    'Apache-2.0': 'apache-2.0',
    'BSD-3-Clause': 'bsd-3-clause',
    'CC-BY-NC-4.0': 'cc-by-nc-4.0'
}


def push(model: OpenedModel, repo: str, private: bool = False) -> str:
    """Upload a model as a folder with a card.

    Args:
        model (OpenedModel): What to upload. Its weights are checked to be complete.
        repo (str): OWNER/NAME; it is created if it does not exist.
        private (bool): Whether a new repository is private. Defaults to False.

    Returns:
        str: The address of the repository.

    Raises:
        CheckpointError: If the hub refuses, for instance because nobody is logged in.
        ImportError: If huggingface_hub is not installed.
    """
    with tempfile.TemporaryDirectory() as place:
        folder = write_with_card(model, Path(place) / model.name, repo)
        return upload_folder(folder, repo, private, f'{model.name}, written by mvitv2_mm')


def write_with_card(model: OpenedModel, folder: Path, repo: str) -> Path:
    """Write what :func:`push` uploads: a model folder, and its card as README.md.

    Args:
        model (OpenedModel): The model.
        folder (Path): Where to write.
        repo (str): OWNER/NAME, for the examples of the card.

    Returns:
        Path: The folder.
    """
    save_model(model, folder)
    (folder / 'README.md').write_text(model_card(folder, repo), encoding='utf-8')
    return folder


def model_card(folder: Path, repo: str) -> str:
    """The card of a model folder, with the metadata that the hub reads at its top.

    Results that were measured enter the metadata. Those that authors report stand in the table
    only, and are called reported there.

    Args:
        folder (Path): A model folder.
        repo (str): OWNER/NAME, for the examples.

    Raises:
        ImportError: If huggingface_hub is not installed.
    """
    hub = require('huggingface_hub', 'a model card')
    info = read_info(folder)
    data = hub.ModelCardData(
        model_name=info['name'],
        library_name='mvitv2_mm',
        pipeline_tag=_PIPELINES[info['task']],
        tags=['mvitv2', 'openmmlab'],
        license=_LICENCES.get(info['licence'], 'other'),
        eval_results=[
            _eval_result(hub, info, metric)
            for metric in info['metrics'] if metric['by'] == 'measured'
        ] or None)
    template = Path(__file__).with_name('card.md.j2')
    return str(
        hub.ModelCard.from_template(
            data,
            template_path=str(template),
            repo=repo,
            does=_TASKS[info['task']],
            file=INFO,
            **info))


def _eval_result(hub: Any, info: dict, metric: dict) -> Any:
    return hub.EvalResult(
        task_type=_PIPELINES[info['task']],
        dataset_type='own',
        dataset_name=metric['dataset'] or 'own data',
        metric_type=metric['metric'],
        metric_value=metric['value'])
