"""Data that the check cannot look at is said to be unchecked, not to be wrong."""
import pytest
import synthetic_data

from mvitv2_mm.data_check.check import check
from mvitv2_mm.data_check.known import Expected, Split


@pytest.mark.parametrize('dataset, is_checked', [
    (dict(ann_file='train-{000..009}.tar'), False),
    (dict(data_root='s3://me:hidden@bucket'), False),
    (dict(data_prefix='train'), True),
])
def test_what_lies_elsewhere_is_a_note(dataset, is_checked, tmp_path):
    synthetic_data.make_folders(tmp_path)
    problems = []
    config = dict(dict(type='mvitv2_mm.ImageDataset', data_root=str(tmp_path)), **dataset)
    report, = check([Split('train', config, Expected())],
                    1,
                    quick=True,
                    on_problem=lambda split, problem: problems.append(problem),
                    track=lambda results, *args: results)
    assert report.num_errors == 0
    assert report.samples == 8 * is_checked
    assert [problem.kind for problem in problems] == ['elsewhere'] * (not is_checked)
    assert 'hidden' not in str(problems)
