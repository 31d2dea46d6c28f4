# Batches of a training that counts epochs.
train_dataloader = dict(
    num_workers=8,
    # with these seeds a resumed training equals an uninterrupted one
    worker_init_fn=dict(type='mvitv2_mm.seed_worker'),
    pin_memory=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True))
