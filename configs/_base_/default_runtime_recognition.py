_base_ = './default_runtime.py'
default_scope = 'mmaction'
visualizer = dict(type='ActionVisualizer', vis_backends=[dict(type='LocalVisBackend')])
