"""Trainings that are stopped, damaged and short of room, and go on."""
import os
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress

from watched import COMMAND, ROOT, Run, at, digest, hidden, last_line

from mvitv2_mm.checkpoints import CheckpointError
from mvitv2_mm.checkpoints.io import check_whole, read_file

KINDS = ('SIGKILL', 'SIGTERM', 'damaged files', 'full disk', 'two processes', 'length')
_MANY = 40  # epochs of a training that shows growth
# data and length of each
OPTIONS = dict(
    image='train_dataloader.dataset.indices=192 train_cfg.max_epochs=5',
    detection='train_dataloader.dataset.indices=32 train_cfg.max_epochs=5 train_cfg.val_interval=1 '
    'val_dataloader.dataset.indices=8',
    video='train_dataloader.dataset.indices=32 train_cfg.max_epochs=5 '
    'val_dataloader.dataset.indices=16')
# of the validation, which so uses shared memory
_WORKERS = 'val_dataloader.num_workers=1 val_dataloader.persistent_workers=False'


class Training:
    """One training, whose checkpoints are watched and which goes on until it is done.

    Args:
        task (str): 'image', 'detection' or 'video'.
        folder (Path): Where it works.
        processes (int): How many there are. Defaults to 1.
    """

    def __init__(self, task, folder, processes=1):
        self.folder, self.log = folder / 'work', folder / 'train.log'
        folder.mkdir(parents=True)
        train = ['train'] if processes == 1 else []
        self.words = [
            *train, ROOT / f'configs/quickstart/{task}.py', '--work-dir', self.folder,
            '--cfg-options', *OPTIONS[task].split(), *_WORKERS.split()
        ]
        self.start = COMMAND
        if processes > 1:
            self.start = [ROOT / 'tools/dist_train.sh', self.words.pop(0), processes]
            os.environ['PYTHON'] = sys.executable
        self.faults, self.stops, self.longest = [], 0, 0.

    def go(self, acts=lambda run: False, limit=None):
        """Start or go on; the exit code."""
        newest = self.newest()
        run = Run([*self.start, *self.words, '--resume'], self.log, limit)
        code = run.wait(acts)
        self.stops += code != 0
        self.faults += run.left()
        broken = [path.name for path in self.checkpoints() if not is_whole(path)]
        self.faults += [f'{name} is broken after exit code {code}' for name in broken]
        if self.newest() < newest:
            self.faults.append(f'the checkpoint of epoch {newest} was lost')
        if code > 128 and hidden(self.folder):
            self.faults.append(f'exit code {code} leaves {hidden(self.folder)[0].name}')
        self.run = run
        return code

    def checkpoints(self):
        return [*self.folder.glob('epoch_*.pth'), *self.folder.glob('*iter_*.pth')]

    def newest(self):
        """The last epoch whose checkpoint is there."""
        names = [path.stem[6:] for path in self.folder.glob('epoch_*.pth')]
        return max(map(int, names), default=0)

    def finish(self, tries=3):
        """Go on until it is done; the hash of what the last checkpoint holds."""
        while self.go():
            tries -= 1
            if not tries:
                self.faults.append(f'does not go on: {last_line(self.log)}')
                return ''
        if hidden(self.folder):
            self.faults.append(f'{hidden(self.folder)[0].name} is left at the end')
        # a training that was complete before last_checkpoint was damaged writes nothing any more
        content = read_file(self.folder / f'epoch_{self.newest()}.pth')
        kept = ('state_dict', 'optimizer', 'param_schedulers')
        return digest([content.get(key) for key in kept])


def is_whole(path):
    try:
        check_whole(path)
    except CheckpointError:
        return False
    return path.stat().st_size > 0


def disturb(training, what, rng, seconds):
    """Stop a training in the way that ``what`` says, several times.

    Args:
        training (Training): The training.
        what (str): One of ``KINDS``.
        rng (random.Random): Chooses the moments.
        seconds (float): How long it takes undisturbed.
    """
    if what == 'full disk':
        return fill_disk(training, rng)
    for _ in range(rng.randint(1, 2)):
        kind = signal.SIGTERM if what == 'SIGTERM' else signal.SIGKILL
        to = 'all' if kind == signal.SIGKILL else 'command'
        if what == 'two processes':
            kind = rng.choice([signal.SIGTERM, signal.SIGKILL])
            to = 'ranks' if kind == signal.SIGKILL else 'command'
        moment = rng.uniform(0.3, 1) * seconds
        at_write = rng.random() < 0.4
        code = training.go(at(moment, kind, to, training.folder if at_write else None))
        if code not in (0, -kind, 128 + kind) and what != 'two processes':
            training.faults.append(f'exit code {code} after {kind.name}: '
                                   f'{last_line(training.log)}')
        if what == 'damaged files' and training.newest() > 1:
            damage(training, rng)


def train_long(task, folder):
    """Let a training be longer; it, of whose process all but the end is noted."""
    training = Training(task, folder)
    training.words.append(f'train_cfg.max_epochs={_MANY}')

    def acts(run):
        run.is_noted = training.newest() < _MANY - 1
        return not run.is_noted

    training.go(acts)
    return training


def damage(training, rng):
    """Damage the newest checkpoint, or what names it; another whole one is there."""
    pointer = training.folder / 'last_checkpoint'
    path = training.folder / f'epoch_{training.newest()}.pth'
    size = path.stat().st_size
    for stopped in training.folder.glob('stopped_*.pth'):
        stopped.unlink()
    how = rng.randrange(5)
    if how == 0:
        with open(path, 'r+b') as file:  # bit rot
            file.seek(rng.randrange(size // 4, size // 2))
            file.write(rng.randbytes(16))
    elif how == 1:
        os.truncate(path, rng.randrange(size))
    elif how == 2:
        pointer.write_text('')
    elif how == 3:
        pointer.write_bytes(rng.randbytes(30))
    else:
        pointer.unlink(missing_ok=True)


@contextmanager
def small_disk(folder, megabytes):
    """Mount a disk of a size, where this is allowed and the size is not 0."""
    words = ['mount', '-t', 'tmpfs', '-o', f'size={megabytes}m', 'tmpfs', str(folder)]
    folder.mkdir(parents=True, exist_ok=True)
    mounted = megabytes and subprocess.run(words, capture_output=True).returncode == 0
    try:
        yield
    finally:
        if mounted:
            subprocess.run(['umount', '-l', str(folder)])


def fill_disk(training, rng):
    """Fill the disk after some epochs; without the right to mount one, limit the size of files."""
    ballast, epochs = training.folder / 'ballast.bin', rng.randint(0, 3)

    def acts(run):
        if training.newest() < epochs or not training.folder.is_dir():
            return False
        with suppress(OSError), open(ballast, 'wb', 0) as file:
            while True:
                file.write(bytes(4096))
        return True

    is_disk = training.folder.is_mount()
    code = training.go(acts) if is_disk else training.go(limit=100_000)
    ballast.unlink(missing_ok=True)
    last = last_line(training.log)
    if code != 1 or not last.startswith('mvitv2_mm train: '):
        training.faults.append(f'a full disk ends with exit code {code} and: {last}')
