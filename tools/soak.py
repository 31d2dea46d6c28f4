#!/usr/bin/env python
"""Train and predict under kills, signals, damaged files and full disks; compare with undisturbed.

The three tasks of the quickstart, cut to half a minute each, run through the public commands. What
is disturbed is started again until it is done, and has to end in the same bytes.
"""
import argparse
import itertools
import json
import random
import shutil
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import List, Optional

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / 'tests' / 'soak'))

import disturbed_commands as commands  # noqa: E402
import disturbed_trainings as trainings  # noqa: E402

from mvitv2_mm.files import write_text  # noqa: E402
from mvitv2_mm.quickstart.data import prepare  # noqa: E402


class Soak:
    """All rounds, and what came of them.

    Args:
        folder (Path): Where everything goes.
        seed (int): Of all moments and choices.
    """

    def __init__(self, folder, seed):
        self.folder, self.seed = folder, seed
        self.rows, self.growth, self.undisturbed, self.commands = [], {}, {}, {}

    def reference(self, task, processes=1):
        """Hash and seconds of the undisturbed training, which runs once."""
        if (task, processes) not in self.undisturbed:
            training = trainings.Training(task, self.folder / f'{task} undisturbed {processes}',
                                          processes)
            found = training.finish(tries=1)
            self.undisturbed[task, processes] = found, training.run.seconds, training.faults
            if processes == 1 and found:
                work_dir = training.folder
                shutil.copy((work_dir / 'last_checkpoint').read_text(), work_dir / 'last.pth')
                self.commands[task] = commands.Commands(task, self.folder / f'{task} commands',
                                                        work_dir)
        return self.undisturbed[task, processes]

    def grown(self, name, run):
        """Note how a process grew; what is wrong with it."""
        found = self.growth[name] = run.growth()
        if found['files'] > 2 or found['memory_mb'] > max(20, 0.03 * found['of_mb']):
            return [f'{name} grew: {found}']
        return []

    def round(self, number, task, what):
        """One training or command, disturbed and then finished.

        Args:
            number (int): Of the round, which chooses with the seed.
            task (str): 'image', 'detection' or 'video'.
            what (str): A command, or what disturbs a training.
        """
        rng, start = random.Random(f'{self.seed} {number}'), time.monotonic()
        if what in commands.KINDS:
            self.reference(task)
            stops, faults = self.commands[task].disturbed(what, rng)
            if what == 'demo' and not faults:
                faults = self.grown(f'{task} demo', self.commands[task].undisturbed[what])
        elif what == 'length':
            training = trainings.train_long(task, self.folder / f'{number:03d}')
            stops, faults = 0, training.faults + self.grown(f'{task} training', training.run)
        else:
            stops, faults = self.train(task, what, rng, self.folder / f'{number:03d}')
        row = dict(
            round=number,
            task=task,
            disturbed=what,
            stops=stops,
            faults=faults,
            seconds=round(time.monotonic() - start, 1))
        self.rows.append(row)
        print(
            f'{number:3d}  {task:9}  {what:13}  {stops} stops  {row["seconds"]:5.1f} s  '
            f'{"; ".join(faults) or "same bytes"}',
            flush=True)

    def train(self, task, what, rng, folder):
        processes = 2 if what == 'two processes' else 1
        wanted, seconds, faults = self.reference(task, processes)
        if faults:
            return 0, [f'undisturbed: {fault}' for fault in faults]
        training = trainings.Training(task, folder, processes)
        size = self.disk_size(task) if what == 'full disk' else 0
        with trainings.small_disk(training.folder, size):
            trainings.disturb(training, what, rng, seconds)
            if training.finish() != wanted:
                training.faults.append('the final weights are not those of the undisturbed run')
            stops = training.stops
        if not training.faults:
            shutil.rmtree(folder)
        return stops, training.faults

    def disk_size(self, task):
        """Megabytes that are enough for a training and one checkpoint more, but soon full."""
        folder = self.folder / f'{task} undisturbed 1' / 'work'
        return 8 + int(1.5 * sum(p.stat().st_size for p in folder.rglob('*')) / 2**20)

    def table(self):
        """The results in Markdown."""
        sums = defaultdict(lambda: [0, 0, 0, 0.])
        for row in self.rows:
            for i, value in enumerate((1, row['stops'], len(row['faults']), row['seconds'])):
                sums[row['task'], row['disturbed']][i] += value
        lines = [
            '| task | disturbed by | rounds | stops | broken promises | seconds |',
            '| --- | --- | --- | --- | --- | --- |'
        ]
        lines += [
            f'| {task} | {what} | {n} | {stops} | {faults} | {seconds:.0f} |'
            for (task, what), (n, stops, faults, seconds) in sorted(sums.items())
        ]
        lines += [
            '', '| undisturbed | growth of memory, MB | of | growth of open files |',
            '| --- | --- | --- | --- |'
        ]
        lines += [
            f'| {name} | {one["memory_mb"]} | {one["of_mb"]} | {one["files"]} |'
            for name, one in self.growth.items()
        ]
        return '\n'.join(lines)


def parse_args(argv: Optional[List[str]] = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--minutes', type=float, default=30, help='default: 30')
    parser.add_argument(
        '--tasks', nargs='+', choices=list(trainings.OPTIONS), default=list(trainings.OPTIONS))
    parser.add_argument(
        '--by', nargs='+', choices=[*trainings.KINDS, *commands.KINDS], help='default: all')
    parser.add_argument('--seed', type=int, default=0, help='of all moments (default: 0)')
    parser.add_argument('--out', type=Path, default=ROOT / 'work_dirs' / 'soak', metavar='FOLDER')
    return parser.parse_args(argv)


def main(argv: Optional[List[str]] = None) -> int:
    args = parse_args(argv)
    deadline = time.monotonic() + 60 * args.minutes
    shutil.rmtree(args.out, ignore_errors=True)
    args.out.mkdir(parents=True)
    for task in args.tasks:
        prepare(task, ROOT / 'data/quickstart')
    names = list(args.by or (*trainings.KINDS, *commands.KINDS))
    random.Random(args.seed).shuffle(names)
    # each way once, with the tasks in turn, before it comes again with another task
    tasks = [itertools.islice(itertools.cycle(args.tasks), i, None) for i, _ in enumerate(names)]
    rounds = ((next(task), what) for task, what in itertools.cycle(zip(tasks, names)))
    soak = Soak(args.out.resolve(), args.seed)
    for number, (task, what) in enumerate(rounds, 1):
        soak.round(number, task, what)
        if time.monotonic() > deadline:
            break
    print(soak.table())
    result = dict(seed=args.seed, rounds=soak.rows, growth=soak.growth)
    write_text(args.out / 'soak.json', json.dumps(result, indent=2))
    return int(any(row['faults'] for row in soak.rows))


if __name__ == '__main__':
    sys.exit(main())
