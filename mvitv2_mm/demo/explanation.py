"""Where the model looks in what the page shows."""
from typing import Optional

from ..explain import draw_explanation, explain
from ..inference.inferencer import Inferencer
from .jobs import Job
from .prediction import Upload

PICTURE = 'explanation.png'


def explain_upload(infer: Inferencer, upload: Upload, record: int, number: Optional[int],
                   job: Job) -> dict:
    """Draw where a model looks; writes ``explanation.png`` into the folder of the job.

    Args:
        infer (Inferencer): The model.
        upload (Upload): The file.
        record (int): Number of the record that is explained: a picture, frame or part of a video.
        number (int, optional): Number of the object or person that is explained; None for the best.
        job (Job): Whose folder is used.

    Returns:
        dict: 'name' and 'probability' of the class that is explained.

    Raises:
        ValueError: If there is nothing to explain.
    """
    prepared = next(upload.reader(infer)(upload.source, record), None)
    if prepared is None or prepared.error:
        raise ValueError(prepared.error if prepared else f'there is no record {record}')
    predictor = infer.predictor
    found = explain(predictor.model, predictor.task, prepared.packed, number=number)
    name = predictor.opened.class_name(found.label)
    draw_explanation(job.folder / PICTURE, found, found.in_words(name))
    return dict(name=name, probability=found.probability)
