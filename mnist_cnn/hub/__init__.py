"""Pushes models and the demo page to the Hugging Face Hub, and pulls models pinned by commit and checked by hash.

Every wait is bounded, and every failure is a `HubError` that says what to do about it.
"""

from mnist_cnn.hub.data_sets import check_dataset, push_data_file
from mnist_cnn.hub.models import PLACEHOLDER, cached_models, pull_model, push_model
from mnist_cnn.hub.spaces import PAGE_PICTURE, deploy_space, space_files

__all__ = [
    "PAGE_PICTURE",
    "PLACEHOLDER",
    "cached_models",
    "check_dataset",
    "deploy_space",
    "pull_model",
    "push_data_file",
    "push_model",
    "space_files",
]
