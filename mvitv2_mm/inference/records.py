"""One record tells what a model found in one picture, clip, window or frame; docs/predict.md."""
import json
from typing import Any, Callable, Dict, List

import numpy as np

SCHEMA = 1
# without a threshold from the user, what is reported of the objects that a detector scores
OBJECT_THRESHOLD = 0.3
Arrays = Dict[str, np.ndarray]
_NAMED = 5  # objects in a line to read


def take(sample: Any, threshold: float) -> Arrays:
    """The predictions in a data sample of a host library, as arrays on the CPU.

    Args:
        sample (Any): Data sample of mmpretrain, mmdet or mmaction2.
        threshold (float): Least score of an object of a detector.

    Returns:
        dict: 'scores' (num_classes, ); or of n objects 'boxes' (n, 4) and 'scores' (n, ) and
        'labels' (n, ) and, if there are any, 'masks' (n, H, W); or of n people 'boxes' and
        'scores' (n, num_actions).
    """
    found = sample.get('pred_instances')
    if found is None:
        return dict(scores=_array(sample.pred_score))
    if 'labels' in found:
        found = found[found.scores >= threshold]
    names = dict(bboxes='boxes', scores='scores', labels='labels', masks='masks')
    return {name: _array(found[key]) for key, name in names.items() if key in found}


def _array(values: Any) -> np.ndarray:
    return values.detach().cpu().numpy() if hasattr(values, 'detach') else np.asarray(values)


class RecordMaker:
    """Makes plain dicts, ready for JSON, of predictions.

    Args:
        task (str): 'image', 'detection', 'video' or 'action_detection'.
        model (str): Name of the model.
        class_name (Callable): Gives the name of a label.
        top_k (int): How many classes, or actions of a person, are reported.
        threshold (float): Least score of a class or action that is reported.
    """

    def __init__(self, task: str, model: str, class_name: Callable[[int], str], top_k: int,
                 threshold: float) -> None:
        self._head = dict(model=model, task=task)
        self._class_name = class_name
        self._top_k = top_k
        self._threshold = threshold

    def error(self, source: str, error: str, **places: Any) -> dict:
        """Record of what cannot be predicted."""
        return dict(schema=SCHEMA, input=source, **self._head, **places, error=error)

    def found(self, source: str, places: dict, arrays: Arrays) -> dict:
        """Record of predictions.

        Args:
            source (str): Name of the input.
            places (dict): 'width' and 'height' and, of clips and frames, 'window' or 'frame'.
            arrays (dict): See :func:`take`.
        """
        record = dict(schema=SCHEMA, input=source, **self._head, **places)
        if 'boxes' not in arrays:
            return dict(record, classes=self._best(arrays['scores']))
        if 'labels' not in arrays:
            size = np.array([places['width'], places['height']] * 2, np.float32)
            people = zip(arrays['boxes'] * size, arrays['scores'])
            return dict(
                record,
                objects=[dict(box=_plain(box), actions=self._best(row)) for box, row in people])
        return dict(record, objects=self._objects(arrays))

    def _best(self, scores: np.ndarray) -> List[dict]:
        order = np.argsort(-scores, kind='stable')[:self._top_k]
        return [self._scored(k, scores[k]) for k in order if scores[k] >= self._threshold]

    def _objects(self, arrays: Arrays) -> List[dict]:
        objects = [
            dict(self._scored(label, score), box=_plain(box))
            for label, score, box in zip(arrays['labels'], arrays['scores'], arrays['boxes'])
        ]
        for found, mask in zip(objects, arrays.get('masks', ())):
            from ..datasets.coco_format import encode_mask  # needs pycocotools, as mmdet does
            found['mask'] = encode_mask(mask)
        return objects

    def _scored(self, label: int, score: np.float32) -> dict:
        name = self._class_name(int(label))
        return dict(label=int(label), name=name, score=_shortest(score))


def _shortest(value: np.float32) -> float:
    """The number with the fewest digits that reads back as the same float32."""
    return float(str(np.float32(value)))


def _plain(values: np.ndarray) -> List[float]:
    return [_shortest(value) for value in values]


def to_line(record: dict) -> str:
    """A record as one line of JSON, with its end."""
    return readable_json(record) + '\n'


def readable_json(value: Any, **options: Any) -> str:
    """JSON that people can read: letters of all languages as they are.

    Args:
        value (Any): What JSON can hold.
        **options: See ``json.dumps``.
    """
    text = json.dumps(value, ensure_ascii=False, **options)
    try:
        text.encode()
    except UnicodeEncodeError:  # the name of a file is no text
        text = json.dumps(value, **options)
    return text


def in_words(record: dict) -> str:
    """A record as a line to read, with the first few of its objects."""
    place = ''
    if 'start' in record.get('window', ()):  # clips in memory have no clock
        place = ' {start:.2f}-{end:.2f} s'.format(**record['window'])
    elif 'frame' in record:
        place = ' {second:.2f} s'.format(**record['frame'])
    if 'error' in record:
        words = f'error: {record["error"]}'
    elif 'classes' in record:
        words = _listed(record['classes']) or 'nothing'
    else:
        shown = record['objects'][:_NAMED]
        words = _listed(shown) if record['task'] == 'detection' else '; '.join(
            _listed(person['actions'][:2]) for person in shown)
        more = len(record['objects']) - _NAMED
        words = (words or 'nothing') + (f' and {more} more' if more > 0 else '')
    return f'{record["input"]}{place}: {words}'.encode(errors='backslashreplace').decode()


def _listed(scored: List[dict]) -> str:
    return ' | '.join(f'{found["name"]} {found["score"]:.2f}' for found in scored)
