"""The metadata of the service and of the model: its extensions of the protocol, and the model's tensors."""

from app.oip.codec import messages
from model import DIGITS, PIXELS

PLATFORM = "numpy_npz"  # project and format, as the protocol asks
EXTENSIONS = ["binary_tensor_data", "classification", "model_configuration", "model_repository", "statistics"]
ANY_SIZE = -1  # size of the batch dimension

INPUT_TENSORS = [messages.TensorDescription(name="pixels", datatype="FP32", shape=[ANY_SIZE, PIXELS])]
OUTPUT_TENSORS = [
    messages.TensorDescription(name="digit", datatype="INT64", shape=[ANY_SIZE]),
    messages.TensorDescription(name="probabilities", datatype="FP32", shape=[ANY_SIZE, DIGITS]),
]


def tensor_config(tensor: messages.TensorDescription) -> messages.TensorConfig:
    """Describe a tensor in the form of Triton's model configuration.

    Args:
        tensor: The tensor.
    Returns:
        Its configuration, without the batch dimension, which `max_batch_size` describes.
    """
    return messages.TensorConfig(name=tensor["name"], data_type=f"TYPE_{tensor['datatype']}", dims=tensor["shape"][1:])
