"""The queue: order, users at the same time, jobs that are cancelled; rows of a timeline."""
import threading
import time

import pytest

from mvitv2_mm.demo.jobs import Busy, Jobs
from mvitv2_mm.demo.timeline import timeline


@pytest.fixture
def jobs(tmp_path):
    jobs = Jobs(tmp_path, max_open=3, max_kept=4)
    yield jobs
    jobs.close()


def until(condition):
    for _ in range(6000):
        if condition():
            return
        time.sleep(0.01)
    raise TimeoutError


def test_jobs_run_one_after_the_other_in_their_order(jobs):
    go, log = threading.Event(), []
    opened = [jobs.open() for _ in range(3)]
    for number, job in enumerate(opened):
        jobs.start(job, lambda job, number=number: go.wait(60) and log.append(number) or {})
    until(lambda: opened[0].state == 'running')
    assert [jobs.num_before(job) for job in opened] == [0, 1, 2]
    assert [job.state for job in opened] == ['running', 'waiting', 'waiting']
    with pytest.raises(Busy, match='3 files are waiting already; try again'):
        jobs.open()
    go.set()
    until(lambda: opened[2].state == 'done')
    assert log == [0, 1, 2]


def test_a_cancelled_job_ends_and_is_forgotten(jobs):

    def work(job):
        while True:
            job.check()
            time.sleep(0.01)

    running, waiting = jobs.open(), jobs.open()
    for job in (running, waiting):
        jobs.start(job, work)
    until(lambda: running.state == 'running')
    for job in (waiting, running):
        jobs.remove(job)
    until(lambda: running.state == 'cancelled' and not running.folder.exists())
    until(lambda: waiting.state == 'cancelled')
    assert not waiting.folder.exists()
    for job in (running, waiting):
        with pytest.raises(KeyError):
            jobs[job.key]


def test_errors_are_one_line_and_the_next_job_runs(jobs):
    first, second = jobs.open(), jobs.open()
    jobs.start(first, lambda job: {}[1])
    jobs.start(second, lambda job: dict(found=1))
    until(lambda: second.state == 'done')
    assert (first.state, first.error) == ('failed', 'KeyError: 1')
    assert second.result == dict(found=1)


def test_the_oldest_results_are_forgotten(jobs):
    kept = []
    for _ in range(6):
        kept.append(jobs.open())
        jobs.start(kept[-1], lambda job: {})
        until(lambda: kept[-1].state == 'done')
    assert [job.folder.exists() for job in kept] == [False, False, True, True, True, True]


def frame(second, *labels):
    objects = [dict(label=label, name=f'n{label}', score=0.5 + label / 10) for label in labels]
    return dict(input='v', frame=dict(second=second), objects=objects)


def test_rows_of_objects():
    rows = timeline([frame(0., 1), frame(1., 1, 2), frame(2., 2), frame(3.), frame(4., 2)], 5.)
    assert [row['name'] for row in rows] == ['n1', 'n2']
    spans = [[(bar['start'], bar['end']) for bar in row['bars']] for row in rows]
    assert spans == [[(0., 2.)], [(1., 3.), (4., 5.)]]
    assert rows[1]['bars'][0]['score'] == pytest.approx(0.7)


def test_rows_of_parts_keep_those_that_are_seen_longest():
    records = [
        dict(
            input='v',
            window=dict(start=float(i), end=i + 1.),
            classes=[dict(label=i % 14 if i < 14 else 13, name='', score=0.5)]) for i in range(16)
    ]
    rows = timeline([*records, dict(input='v', error='none')], 16.)
    assert len(rows) == 12 and rows[-1]['label'] == 13
    assert rows[-1]['bars'] == [dict(start=13., end=16., score=0.5)]
