"""Say in plain values and words what a picture or clip goes through before the network."""
from mmengine.config import Config


def describe_preprocessing(cfg: Config, task: str) -> dict:
    """What another program must do with a file to get what the network was tested with.

    Args:
        cfg (Config): The whole config.
        task (str): 'image', 'detection', 'video' or 'action_detection'.

    Returns:
        dict: JSON values.
    """
    model = cfg.model
    preprocessor = model.get('data_preprocessor') or cfg.get('data_preprocessor') or {}
    return dict(
        mean=preprocessor.get('mean'),
        std=preprocessor.get('std'),
        input_size=model.backbone.get('input_size'))
