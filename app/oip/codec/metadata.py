"""The description of the model: its metadata, its configuration, and its entry in the repository index."""

from app.oip.codec import messages
from model import DIGITS, PIXELS, Card

PLATFORM = "numpy"
EXTENSIONS = ["binary_tensor_data", "classification", "model_configuration", "model_repository", "statistics"]
ANY_SIZE = -1  # size of the batch dimension

INPUT_TENSORS = [messages.TensorDescription(name="pixels", datatype="FP32", shape=[ANY_SIZE, PIXELS])]
OUTPUT_TENSORS = [
    messages.TensorDescription(name="digit", datatype="INT64", shape=[ANY_SIZE]),
    messages.TensorDescription(name="probabilities", datatype="FP32", shape=[ANY_SIZE, DIGITS]),
]


def model_metadata(card: Card) -> messages.ModelMetadataReply:
    """Describe the model by its tensors.

    Args:
        card: Card of the model.
    Returns:
        The metadata.
    """
    return messages.ModelMetadataReply(
        name=card.name, versions=[card.version], platform=PLATFORM, inputs=INPUT_TENSORS, outputs=OUTPUT_TENSORS
    )


def model_config(card: Card, max_batch_size: int) -> messages.ConfigReply:
    """Describe the model in the form of Triton's model configuration.

    Args:
        card: Card of the model.
        max_batch_size: Largest number of images in a request.
    Returns:
        The configuration.
    """
    return messages.ConfigReply(
        name=card.name,
        platform=PLATFORM,
        max_batch_size=max_batch_size,
        input=[_tensor_config(tensor) for tensor in INPUT_TENSORS],
        output=[_tensor_config(tensor) for tensor in OUTPUT_TENSORS],
    )


def _tensor_config(tensor: messages.TensorDescription) -> messages.TensorConfig:
    """Describe a tensor without its batch dimension, which `max_batch_size` describes."""
    return messages.TensorConfig(name=tensor["name"], data_type=f"TYPE_{tensor['datatype']}", dims=tensor["shape"][1:])


def repository_index(card: Card, *, is_ready: bool) -> list[messages.IndexEntry]:
    """List all versions of all models in the repository.

    Args:
        card: Card of the model.
        is_ready: True if the model is ready for requests.
    Returns:
        One entry, because there is one model.
    """
    return [
        messages.IndexEntry(
            name=card.name,
            version=card.version,
            state="READY" if is_ready else "UNAVAILABLE",
            reason="" if is_ready else "the service is stopping",
        )
    ]
