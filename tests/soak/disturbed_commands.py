"""Commands for a trained model that are stopped, and write the same bytes in the end."""
import json
import re
import shutil
import signal
import time
from urllib.request import Request, urlopen

from watched import COMMAND, ROOT, Run, at, hidden, last_line, same_bytes

from mvitv2_mm.files import write_text

KINDS = ('predict', 'features', 'explain', 'report', 'convert', 'demo')
if (ROOT / 'mvitv2_mm' / 'commands' / 'export.py').is_file():
    KINDS += ('export', )
_INPUTS = dict(image='images/val/3', detection='scenes/val', video='clips/val/north')


class Commands:
    """The commands for a trained model, which write the same bytes after any number of kills.

    Args:
        task (str): 'image', 'detection' or 'video'.
        folder (Path): Where results go.
        work_dir (Path): Of the undisturbed training.
    """

    def __init__(self, task, folder, work_dir):
        self.folder, self.work_dir, self.model = folder, work_dir, work_dir / 'models' / 'best'
        inputs = ROOT / 'data/quickstart' / _INPUTS[task]
        self.files = sorted(path for path in inputs.iterdir() if path.is_file())[:24]
        self.wanted, self.undisturbed = {}, {}

    def words(self, command, out):
        """The command line that writes to a folder."""
        model, files = self.model, self.files
        return {
            'predict': [model, *files, '--out', out / 'p', '--format', 'csv', '--draw'],
            'features': [model, *files, '--out', out / 'features.safetensors'],
            'explain': [model, *files[:2], '--out', out / 'why'],
            'report': [self.work_dir, '--out', out / 'report.html'],
            'convert': [self.work_dir / 'last.pth', out / 'weights.safetensors'],
            'export': [model, '--out', out / 'model.onnx'],
            'demo': [model, '--port', '0'],
        }[command]

    def run(self, command, out, acts=lambda run: False):
        """Run a command to its end; its exit code."""
        out.mkdir(parents=True, exist_ok=True)
        log = self.folder / f'{command}.log'
        log.unlink(missing_ok=True)
        run = Run([*COMMAND, command, *self.words(command, out)], log)
        if command == 'demo':
            acts = asking(self.files, out, acts)
        return run.wait(acts), run

    def disturbed(self, command, rng):
        """Run a command with kills, and then to its end: number of stops, and broken promises."""
        end = 128 + signal.SIGTERM if command == 'demo' else 0
        out, faults, stops = self.folder / command, [], 0  # results name their folder
        if command not in self.wanted:
            code, run = self.run(command, out)
            if code != end:
                return 0, [f'exit code {code}: {last_line(run.log)}']
            self.wanted[command], self.undisturbed[command] = same_bytes(out), run
            shutil.rmtree(out)
        for _ in range(rng.randint(1, 2)):
            kind = rng.choice([signal.SIGKILL, signal.SIGTERM])
            moment = rng.uniform(0.4, 1) * self.undisturbed[command].seconds
            code, run = self.run(command, out, at(moment, kind))
            stops += run.was_stopped
            faults += run.left()
            if code not in (end, -kind, 128 + kind):
                faults.append(f'exit code {code} after {kind.name}: {last_line(run.log)}')
            if kind == signal.SIGTERM and hidden(out):
                faults.append(f'{hidden(out)[0].name} is left after SIGTERM')
        code, run = self.run(command, out)
        faults += run.left()
        if code != end:
            faults.append(f'exit code {code}: {last_line(run.log)}')
        found, wanted = same_bytes(out), self.wanted[command]
        others = {name for name, _ in found.items() ^ wanted.items()}
        faults += [f'{name} is not as undisturbed' for name in sorted(others)[:3]]
        shutil.rmtree(out)
        return stops, faults


def asking(files, out, acts):
    """Ask the demo for each file several times, and then end it."""
    todo = [*files] * 4

    def ask(run):
        run.is_noted = len(todo) < 3 * len(files)  # the first time it makes room
        if acts(run):
            return True
        url = re.search(r'http://[0-9.:]+', run.log.read_text())
        if url is None:
            return False
        if not todo:
            run.send(signal.SIGTERM)
            return True
        path = todo.pop()
        request = Request(f'{url[0]}/jobs?name={path.name}', path.read_bytes(), method='POST')
        job = f'{url[0]}/jobs/{json.load(urlopen(request, timeout=60))["key"]}'
        while json.load(urlopen(job, timeout=60))['state'] != 'done':
            if acts(run):
                return True
            time.sleep(0.02)
        lines = urlopen(f'{job}/predictions.jsonl', timeout=60).read().decode()
        write_text(out / f'{path.stem}.jsonl', lines)
        return False

    return ask
