# before anything of a host library is imported
custom_imports = dict(imports=['mvitv2_mm.repairs'], allow_failed_imports=False)

default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50),
    param_scheduler=dict(type='ParamSchedulerHook'),
    # checkpoints are whole or not there
    checkpoint=dict(type='mvitv2_mm.CheckpointHook', interval=1, max_keep_ckpts=3),
    # a loss that is no number ends a training
    finite=dict(type='mvitv2_mm.FiniteLossHook'),
    # a gradient that jumps is said
    spikes=dict(type='mvitv2_mm.GradientSpikeHook'),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    # a resumed training equals an uninterrupted one
    iteration_seed=dict(type='mvitv2_mm.IterationSeedHook'),
    # a part of a dataset is scored against its own annotations
    indices=dict(type='mvitv2_mm.IndicesHook'),
    # what cannot be read is wrong
    unreadable=dict(type='mvitv2_mm.UnreadableHook'),
    # a resumed training follows its config
    resume=dict(type='mvitv2_mm.ResumeHook'),
    # the last and the best weights become model folders
    models=dict(type='mvitv2_mm.ModelFolderHook'))
env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    # seconds after which a process that waits for another one gives up
    dist_cfg=dict(backend='nccl', timeout=1800))
log_level = 'INFO'
load_from = None
resume = False
randomness = dict(seed=0)
