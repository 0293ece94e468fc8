"""KServe's objects in deploy/kserve."""

import yaml

from tests.conftest import ROOT

FOLDER = ROOT / "deploy" / "kserve"
CUSTOM_PREDICTOR, RUNTIME, STORAGE_PREDICTOR = (
    yaml.safe_load((FOLDER / f"{name}.yml").read_text())
    for name in ("inference-service", "serving-runtime", "inference-service-from-storage")
)
POD_SPECS = {"custom predictor": CUSTOM_PREDICTOR["spec"]["predictor"], "serving runtime": RUNTIME["spec"]}
MOUNT_PATH = "/mnt/models"  # where KServe mounts the files of the storage


def only_container(pod_spec, model_name):
    """Return the only container of a pod, after KServe has put the name of the InferenceService into it."""
    (container,) = pod_spec["containers"]
    arguments = [argument.replace("{{.Name}}", model_name) for argument in container["args"]]
    return {**container, "args": arguments}
