"""What the model takes and gives, in the two notations of the protocol."""

from app.oip.messages import ConfigReply, IndexEntry, ModelReply, TensorConfig, TensorDescription
from model import DIGITS, PIXELS, Card

PLATFORM = "numpy"
EXTENSIONS = ["binary_tensor_data", "classification", "model_configuration", "model_repository", "statistics"]
ANY = -1  # stands for the number of rows

INPUT_TENSORS = [TensorDescription(name="pixels", datatype="FP32", shape=[ANY, PIXELS])]
OUTPUT_TENSORS = [
    TensorDescription(name="digit", datatype="INT64", shape=[ANY]),
    TensorDescription(name="probabilities", datatype="FP32", shape=[ANY, DIGITS]),
]


def metadata(card: Card) -> ModelReply:
    """Describe a model by its tensors.

    Args:
        card: The model's.
    Returns:
        Its metadata.
    """
    return ModelReply(
        name=card.name,
        versions=[card.version],
        platform=PLATFORM,
        inputs=INPUT_TENSORS,
        outputs=OUTPUT_TENSORS,
    )


def config(card: Card, max_rows: int) -> ConfigReply:
    """Describe a model as Triton's configuration does.

    Args:
        card: The model's.
        max_rows: Most rows of a request.
    Returns:
        Its configuration.
    """
    return ConfigReply(
        name=card.name,
        platform=PLATFORM,
        max_batch_size=max_rows,
        input=[_configure(tensor) for tensor in INPUT_TENSORS],
        output=[_configure(tensor) for tensor in OUTPUT_TENSORS],
    )


def _configure(tensor: TensorDescription) -> TensorConfig:
    """Leave out the rows, which a configuration speaks of as `max_batch_size`."""
    return TensorConfig(name=tensor["name"], data_type=f"TYPE_{tensor['datatype']}", dims=tensor["shape"][1:])


def index(card: Card, *, is_ready: bool) -> list[IndexEntry]:
    """List all versions of all models: there is one.

    Args:
        card: The model's.
        is_ready: Whether it is to be asked.
    Returns:
        One entry.
    """
    return [
        IndexEntry(
            name=card.name,
            version=card.version,
            state="READY" if is_ready else "UNAVAILABLE",
            reason="" if is_ready else "the service is stopping",
        )
    ]
