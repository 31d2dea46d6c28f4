"""Changes of lists in configs, such as pipelines and schedules, by the names of their steps."""
from typing import Dict, List, Union

Change = Union[dict, tuple, None]


def edit(steps: List[dict], /, **changes: Union[Change, List[Change]]) -> List[dict]:
    """Copy a list of steps with changes to those that are named.

    The name of a step is its ``type`` without scope: that of ``mvitv2_mm.SampleClips`` is
    ``SampleClips``. All other steps stay, whatever stands between them::

        train_pipeline = edit(
            _base_.train_pipeline,
            SampleClips=dict(clip_len=32),
            Flip=None,
            CenterCrop=dict(type='ThreeCrop', crop_size=224))

    Args:
        steps (list[dict]): What the base config says.
        **changes: What becomes of the step of this name: a dict without ``type`` changes these
            keys; a dict with ``type`` is the new step; a tuple holds the steps that take its place;
            None drops it. A list holds one such change for each step of this name, in their order.

    Returns:
        list[dict]: The new list. The given one stays as it is.

    Raises:
        ValueError: If no step has the name, if more or fewer have it than there are changes, or if
            a change is none of these.
    """
    names = [step['type'].rpartition('.')[2] for step in steps]
    plan: Dict[int, Change] = {}
    for name, change in changes.items():
        places = [i for i, found in enumerate(names) if found == name]
        wanted = change if isinstance(change, list) else [change]
        if not places:
            raise ValueError(f'no step is named "{name}"; there are {", ".join(names)}')
        if len(places) != len(wanted):
            raise ValueError(f'{len(places)} steps are named "{name}", with changes for '
                             f'{len(wanted)}; give a list of {len(places)} changes, in their order')
        for new in wanted:
            if not (new is None or isinstance(new, (dict, tuple))):
                raise ValueError(
                    f'"{name}" should become a dict, a tuple of steps or None, but got '
                    f'{new!r}')
        plan.update(zip(places, wanted))
    return [new for i, step in enumerate(steps) for new in _changed(step, plan.get(i, {}))]


def _changed(step: dict, change: Change) -> List[dict]:
    """The steps that take the place of one."""
    if change is None:
        return []
    if isinstance(change, tuple):
        return list(change)
    return [change if 'type' in change else {**step, **change}]
