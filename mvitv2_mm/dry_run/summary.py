"""What a dry run has found, for people."""
import os
from datetime import timedelta
from typing import List


def plan_line(found: dict) -> str:
    """Epochs, steps, learning rate, time and memory in one line."""
    plan, estimate = found['plan'], found['estimate']
    groups = found['curves']['groups']
    rate = max(max(group['lr']) for group in groups)
    line = (f'plan: {_many(plan["epochs"], "epoch")}, {_many(plan["steps"], "step")} of '
            f'{_many(plan["samples_per_step"], "sample")} ({plan["samples_per_pass"]} at a time), '
            f'learning rate up to {rate:.3g}')
    if estimate is None:
        return line
    measured = found['measured']
    seconds = sum(value for key, value in estimate.items() if key.endswith('_seconds'))
    return (f'{line}; about {timedelta(seconds=round(seconds))} on {measured["device"]} '
            f'({_many(measured["count"], "pass")} measured, {measured["pass_seconds"]:.2g} s each) '
            f'and {_size(estimate["peak_bytes"])}')


def summarize(found: dict) -> List[str]:
    """All that was found, in lines."""
    plan, curves = found['plan'], found['curves']
    lines = [plan_line(found), f'data: {_data(plan)}']
    lines += [
        f'group {number}: {group["name"]}, {group["parameters"]:,} parameters'
        for number, group in enumerate(curves['groups'], 1)
    ]
    parts = [
        f'{row["part"]} {row["trained"]:,}' + (f' (frozen {row["frozen"]:,})' * bool(row['frozen']))
        for row in found['parameters']
    ]
    lines.append(f'parameters that are trained: {", ".join(parts)}')
    lines += [f'weights: {one["title"]}: {one["counts"]}'
              for one in found['weights']] or [f'weights: {found["start"] or "random"}']
    lines += [f'  {note}' for one in found['weights'] for note in one['notes']]
    if found['boxes']:
        lines.append('boxes in {pictures} pictures: {before} in the annotations, {after} after '
                     'augmentation'.format(**found['boxes']))
    if found['overfit']:
        losses = found['overfit']['losses']
        lines.append(f'one batch, learnt by heart: loss {losses[0]:.3g}, {losses[-1]:.3g} after '
                     f'{len(losses) - 1} steps')
    lines += finding_lines(found) or ['nothing is wrong that a dry run can see']
    lines += [f'see {os.path.relpath(path)}' for path in found['pictures']]
    return lines


def finding_lines(found: dict) -> List[str]:
    """One line for each thing that is or may be wrong."""
    return [f'{one["level"]}: {one["text"]}' for one in found['findings']]


def _data(plan: dict) -> str:
    repeats = f', each {plan["repeats"]} times' if plan['repeats'] > 1 else ''
    if plan['drawn'] > 1:
        repeats += f', 1 in {plan["drawn"]} of them in an epoch, {plan["drawn"]} times'
    val = f', {plan["val_samples"]} for validation' if plan['val_samples'] else ', no validation'
    passes = _many(plan['passes'], 'pass'), _many(plan['accumulative_counts'], 'pass')
    return (f'{_many(plan["train_samples"], "sample")} for training{repeats}{val}; {passes[0]} an '
            f'epoch, {passes[1]} a step')


def _many(number: float, word: str) -> str:
    plural = word + ('es' if word.endswith('s') else 's')
    return f'{number:.10g} {word if number == 1 else plural}'


def _size(number: int) -> str:
    return f'{number / 2**30:.2f} GiB'
