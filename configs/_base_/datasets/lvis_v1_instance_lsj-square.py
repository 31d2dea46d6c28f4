_base_ = './coco_instance_lsj-square.py'

data_root = 'data/lvis_v1/'
train_dataloader = dict(
    sampler=dict(_delete_=True, type='mvitv2_mm.RepeatFactorSampler', repeat_threshold=0.001),
    dataset=dict(
        type='mvitv2_mm.LVISV1Dataset',
        data_root=data_root,
        ann_file='annotations/lvis_v1_train.json',
        # the annotations say in which folder an image is
        data_prefix=dict(img='')))
val_dataloader = dict(
    dataset=dict(
        type='mvitv2_mm.LVISV1Dataset',
        data_root=data_root,
        ann_file='annotations/lvis_v1_val.json',
        data_prefix=dict(img='')))
test_dataloader = val_dataloader
val_evaluator = dict(type='LVISMetric', ann_file=data_root + 'annotations/lvis_v1_val.json')
test_evaluator = val_evaluator
