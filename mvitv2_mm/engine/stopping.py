"""A training that is asked to end saves what it has, and ends."""
import faulthandler
import signal
import sys
import time
from types import FrameType
from typing import Any, Optional

from mmengine.hooks import Hook
from mmengine.runner import Runner

from .agreement import Agreement
from .saving import CheckpointHook

_PATIENCE = 15  # seconds, before torchrun kills a process that does not end
_TOGETHER = 5  # seconds; torchrun passes on a signal that a whole group of processes gets


class Signals:
    """Notes that the process is asked to end, where it would die otherwise.

    The signals are SIGTERM, SIGINT (Ctrl-C), and SIGUSR1, which slurm can send ahead of a time
    limit. One of the same kind that comes seconds later acts as without this class. A process that
    does not end for a while, because it hangs, says where it is.

    Attributes:
        noted (int): Number of the signal, 0 if there was none.

    Examples:
        >>> with Signals() as signals:  # before data workers start, which then pass over Ctrl-C
        ...     assert not signals.noted
    """
    kinds = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)

    def __enter__(self) -> 'Signals':
        self.noted, self.since = 0, {}
        self.previous = {kind: signal.signal(kind, self._note) for kind in self.kinds}
        return self

    def _note(self, kind: int, frame: Optional[FrameType]) -> None:
        now = time.monotonic()
        if now > self.since.setdefault(kind, now) + _TOGETHER:
            signal.signal(kind, self.previous[kind])
            signal.raise_signal(kind)
        self.noted = kind
        faulthandler.dump_traceback_later(_PATIENCE, file=sys.__stderr__)

    def __exit__(self, *error) -> None:
        faulthandler.cancel_dump_traceback_later()
        for kind, handler in self.previous.items():
            signal.signal(kind, handler)


class StopHook(Hook):
    """After a signal finish the step, save, and exit with 128 + the number of the signal.

    All processes of a distributed run stop after the same step, also if only some of them got the
    signal. A validation is not finished; the resumed run does it again.

    Args:
        signals (Signals): What the process was asked to do.
    """
    priority = 'LOWEST'

    def __init__(self, signals: Signals) -> None:
        self.signals = signals

    def before_run(self, runner: Runner) -> None:
        # a resumed training may validate before it trains
        self.agreement = Agreement(runner)

    def after_train_iter(self, runner: Runner, batch_idx: int, *args, **kwargs) -> None:
        # gradients that are still added up are no part of a checkpoint
        if not getattr(runner.optim_wrapper, 'should_update', bool)():
            return
        if not self._is_asked():
            return
        saved = 'the last checkpoint'
        for hook in runner.hooks:
            if isinstance(hook, CheckpointHook):
                saved = hook.stop(runner)
        self._exit(runner, saved)

    def after_val_iter(self, runner: Runner, *args, **kwargs) -> None:
        if self._is_asked():
            self._exit(runner, 'the last checkpoint, after which it validates again')

    def _is_asked(self) -> bool:
        self.signals.noted = self.agreement.highest(self.signals.noted)
        return bool(self.signals.noted)

    def _exit(self, runner: Runner, saved: str) -> Any:
        name = signal.Signals(self.signals.noted).name
        runner.logger.warning(f'{name}: the training ends here; --resume goes on from {saved}')
        sys.exit(128 + self.signals.noted)
