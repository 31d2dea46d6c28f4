"""Passwords do not get into the log of a run, because the run does not start with them."""
import pytest
from mmengine.config import Config

from mvitv2_mm.engine.checks import check_config


@pytest.mark.parametrize('dataset, place', [
    (dict(data_root='s3://me:hidden@bucket/data'), 'data_root holds a password'),
    (dict(pipeline=[dict(backend_args=dict(secret='hidden'))]), r'0.backend_args.secret is secret'),
    (dict(backend_args=dict(client_kwargs=dict(aws_secret_access_key='hidden'))),
     'backend_args.client_kwargs.aws_secret_access_key is secret'),
])
def test_secrets_end_the_run(dataset, place):
    cfg = Config(dict(train_dataloader=dict(dataset=dataset)))
    with pytest.raises(ValueError, match=f'train_dataloader.dataset.*{place}') as info:
        check_config(cfg, ['train'])
    assert 'hidden' not in str(info.value)


def test_what_is_not_secret_is_let_through():
    dataset = dict(data_root='s3://bucket/a@b', backend_args=dict(backend='fsspec', anon=True))
    check_config(Config(dict(train_dataloader=dict(dataset=dataset))), ['train'])
