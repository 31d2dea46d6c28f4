"""What a check finds, for tests."""
import json
import re

from mvitv2_mm.data_check import Expected, Split, check


def problems_of(dataset, quick=False, **expected):
    """Problems of one split, as (kind, text)."""
    found = []
    check([Split('train', dataset, Expected(**expected))], 1, quick,
          lambda _, problem: found.append(problem), lambda iterable, total, name: iterable)
    return [(problem.kind, f'{problem.where}: {problem.what}') for problem in found]


def assert_found(problems, *expected):
    """Each expected (kind, regex) fits exactly one problem and no problem is left."""
    left = list(problems)
    for kind, pattern in expected:
        fits = [
            problem for problem in left if problem[0] == kind and re.search(pattern, problem[1])
        ]
        assert len(fits) == 1, (kind, pattern, problems)
        left.remove(fits[0])
    assert not left


def edit_json(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
