"""Commands that are looked at while they run, and stopped."""
import hashlib
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from uuid import uuid4

import psutil
import torch

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, '-m', 'mvitv2_mm']
_MARK = 'MVITV2_MM_SOAK'  # in the environment of all processes of a command


class Run:
    """A command in a session of its own, and what was seen of its processes.

    Args:
        words (list): The command line.
        log (Path): File that its output is added to.
        limit (int, optional): Largest file that it may write, in bytes. Defaults to None.
    """

    def __init__(self, words, log, limit=None):
        self.was_stopped, self.is_noted, self.can_tidy_up = False, True, True
        self.mark, self.log, self.start = uuid4().hex, log, time.monotonic()
        self.scratch = Path(tempfile.mkdtemp(prefix='soak_'))
        self.memory, self.files, self.pids, self.looked = [], [], set(), 0.
        env = dict(os.environ, OMP_NUM_THREADS='1', TMPDIR=str(self.scratch), **{_MARK: self.mark})
        forbid = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (limit, limit))
        with open(log, 'ab') as out:
            self.process = subprocess.Popen(
                list(map(str, words)),
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env=env,
                start_new_session=True,
                preexec_fn=forbid if limit else None)

    def wait(self, acts=lambda run: False):
        """Look on until it ends; ``acts`` is called until it returns True. The exit code."""
        done = False
        while self.process.poll() is None:
            done = done or acts(self)
            self._look()
            time.sleep(0.02)
        self.seconds = time.monotonic() - self.start
        return self.process.returncode

    def _look(self):
        if time.monotonic() < self.looked + 0.2:
            return
        self.looked = time.monotonic()
        with suppress(psutil.Error):
            main = psutil.Process(self.process.pid)
            children = main.children(recursive=True)
            self.pids |= {main.pid, *(child.pid for child in children)}
            if self.is_noted and not children:  # the batches of data workers are files
                self.memory.append(main.memory_info().rss / 2**20)
                self.files.append(main.num_fds())

    def send(self, kind, to='command'):
        """Send a signal to the 'command', 'all' its processes, or the last of its 'ranks'."""
        self.was_stopped = True
        self.can_tidy_up = self.can_tidy_up and kind != signal.SIGKILL
        with suppress(ProcessLookupError, psutil.Error):
            if to == 'ranks' and (ranks := psutil.Process(self.process.pid).children()):
                ranks[-1].send_signal(kind)
            elif to == 'all':
                os.killpg(self.process.pid, kind)
            elif to == 'command':
                os.kill(self.process.pid, kind)

    def left(self):
        """Processes, shared memory and, if it could tidy up, temporary files that it has left."""
        deadline = time.monotonic() + 20
        while (orphans := _marked(self.mark)) and time.monotonic() < deadline:
            time.sleep(0.2)
        for process in orphans:
            process.kill()
        found = [f'process {process.pid} outlived the command' for process in orphans]
        shared = [p.name for p in Path('/dev/shm').glob('*') if p.name.startswith('torch_')]
        found += [f'/dev/shm/{n}' for n in shared if int(n.split('_')[1]) in self.pids]
        if self.can_tidy_up:
            names = [path.name for path in self.scratch.iterdir()]
            found += [
                f'{name} in TMPDIR' for name in names if name[:5] != 'torch' and name != '.ses'
            ]  # torch's, onnxruntime's
        shutil.rmtree(self.scratch, ignore_errors=True)
        return found

    def growth(self):
        """How much more memory and files the last third of the time took than the one before."""
        third = len(self.memory) // 3
        before, after = slice(third, 2 * third), slice(2 * third, None)
        found = dict(memory_mb=max(self.memory[after]) - max(self.memory[before] or [0]))
        found.update(of_mb=max(self.memory), seconds=self.seconds)
        found = {name: round(value, 1) for name, value in found.items()}
        return dict(found, files=max(self.files[after]) - max(self.files[before] or [0]))


def _marked(mark):
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get(_MARK) == mark and process.status() != 'zombie':
                found.append(process)
    return found


def at(seconds, kind, to='command', folder=None):
    """Send a signal after some time, and then while a file is written aside in a folder."""

    def acts(run):
        if time.monotonic() - run.start < seconds or folder and not hidden(folder):
            return False
        run.send(kind, to)
        return True

    return acts


def hidden(folder):
    """Files that are not complete, in a folder and those below."""
    return [path for path in folder.rglob('.*') if path.name not in ('.lock', '.owner')]


def same_bytes(folder):
    """Hash of each file in a folder, without dates in pages."""
    found = {}
    for path in sorted(path for path in folder.rglob('*') if path.is_file()):
        data = path.read_bytes()
        if path.suffix == '.html':
            data = re.sub(rb'\d{4}-\d\d-\d\d \d\d:\d\d', b'', data)
        found[str(path.relative_to(folder))] = hashlib.sha256(data).hexdigest()
    return found


def digest(value):
    """Hash of tensors and numbers in containers, bit for bit."""
    if isinstance(value, dict):
        value = [[str(key), digest(value[key])] for key in value]
    elif isinstance(value, (list, tuple)):
        value = [digest(one) for one in value]
    elif isinstance(value, torch.Tensor):
        value = [str(value.dtype), value.numpy().tobytes()]
    return hashlib.sha256(repr(value).encode()).hexdigest()


def last_line(log):
    lines = log.read_text(errors='replace').strip().splitlines()
    return lines[-1][:300] if lines else 'nothing'
