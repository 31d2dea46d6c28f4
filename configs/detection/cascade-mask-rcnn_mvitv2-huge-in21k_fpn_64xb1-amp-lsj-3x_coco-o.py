# Test on COCO and the six domains of COCO-O; any other COCO config can be the base.
_base_ = './cascade-mask-rcnn_mvitv2-huge-in21k_fpn_64xb1-amp-lsj-3x_coco.py'

domains = ('sketch', 'weather', 'cartoon', 'painting', 'tattoo', 'handmake')
roots = dict(coco='data/coco/', **{name: f'data/coco-o/{name}/' for name in domains})
dataset = _base_.test_dataloader.dataset
test_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='ConcatDataset',
        datasets=[dict(dataset, data_root=root) for root in roots.values()]))
test_evaluator = dict(_delete_=True, type='mvitv2_mm.COCOOMetric', roots=roots)
