"""The commands of `python -m training`: each command prints its result, and each check returns an exit status.

An artefact is the file that `train` writes: the weights of a network with their card.
"""

import platform
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import sklearn

from model import Artefact, Card, Metrics, Network, load_artefact, save_artefact
from training import crossval, notebook
from training import evaluate as evaluation
from training.data import SPLIT_DESCRIPTION, DataError, load_split, read_csv
from training.environment import current_environment, why_weights_may_differ
from training.gradient_check import TOLERANCE, check_notebook_gradient, check_our_gradient
from training.handwriting.pool import GENERATOR_VERSION, generate
from training.progress import track
from training.recipe import RELEASED_RECIPE, WEIGHTS_VERSION, apply_temperature, train_network
from training.reporting.model_card import confusion_table, metrics_table, write_report

ACCURACY_TOLERANCE = 0.005  # by which the held-out accuracy may differ between two processors


def train(out: Path, seed: int, epochs: int | None, digits: int | None) -> None:
    """Train the released network, score it on the held-out rows, and write its file.

    Args:
        out: Path of the file. An existing file is only replaced when the training has ended.
        seed: Seed of all randomness.
        epochs: Number of epochs; None takes the recipe's.
        digits: Number of synthetic digits; None takes the recipe's.
    Raises:
        DataError: The folder of the file is missing.
    """
    check_folder(out)
    recipe, split = RELEASED_RECIPE.with_size(epochs, digits), load_split()
    synthetic = generate(recipe.synthetic.digits, seed)
    # The curve is scored on the training rows, because the held-out rows must not influence the training.
    training = train_network(recipe, split.training, synthetic, seed)
    weights, curve = track(training, recipe.schedule.epochs, split.training, f"training, seed {seed}")
    weights = apply_temperature(weights, recipe.temperature)
    held_out = evaluation.evaluate(Network(weights), split.held_out)
    card = Card(
        name="digits",
        version=WEIGHTS_VERSION,
        recipe=recipe.name,
        hyperparameters=recipe.hyperparameters(),
        seed=seed,
        split=SPLIT_DESCRIPTION,
        training_rows=len(split.training),
        curve=asdict(curve),
        held_out=held_out,
        environment=current_environment(),
        libraries={"python": platform.python_version(), "numpy": np.__version__, "scikit-learn": sklearn.__version__},
    )
    save_artefact(out, weights, card)
    print(f"{out}: {summary(held_out)}")


def evaluate(file: Path, data: Path | None) -> None:
    """Print the metrics of a file of weights.

    Args:
        file: The file of weights.
        data: A CSV file of rows to score, 64 pixels and a label in each line; None takes the held-out rows.
    Raises:
        ArtefactError: `file` is not an artefact.
        DataError: `data` is not such a CSV file.
    """
    network = load_artefact(file).network
    rows = load_split().held_out if data is None else read_csv(data)
    probabilities = network.probabilities(rows.pixels)
    print(metrics_table(rows.labels, probabilities), end="\n\n")
    print(confusion_table(evaluation.confusion_matrix(rows.labels, probabilities.argmax(axis=1)).tolist()))


def report(file: Path, validation: Path, out: Path) -> None:
    """Write the model card and its figures.

    Args:
        file: The artefact that the report describes.
        validation: File with the cross-validation of the artefact's recipe, as `cross_validate` writes it.
        out: The output folder.
    Raises:
        ArtefactError: `file` is not an artefact.
        DataError: The cross-validation is missing, belongs to another recipe, or does not have 7 folds; or the network
            was trained without synthetic digits or with another version of their generator.
    """
    artefact, out_of_fold = load_artefact(file), crossval.load(validation)
    if not out_of_fold.is_complete_for(artefact.card.hyperparameters):
        raise DataError(f"{validation} is not a cross-validation over {crossval.FOLDS} folds of the recipe of {file}")
    synthetic = artefact.card.hyperparameters.get("synthetic")
    if not synthetic or synthetic["version"] != GENERATOR_VERSION:
        raise DataError(f"{file} was not trained with version {GENERATOR_VERSION} of the generator of synthetic digits")
    write_report(out, artefact, load_split(), out_of_fold)
    print(f"{out}/model_card.md and its figures")


def cross_validate(out: Path, folds: int, seed: int, epochs: int | None, digits: int | None) -> None:
    """Score the recipe inside the training rows, on folds that share no scanned form.

    Args:
        out: Path of the file of predictions, which the report needs.
        folds: Number of folds, 2…14.
        seed: Seed of the synthetic digits and of each training.
        epochs: Number of epochs; None takes the recipe's.
        digits: Number of synthetic digits; None takes the recipe's.
    Raises:
        DataError: The folder of the file is missing.
    """
    check_folder(out)
    recipe, by_fold = RELEASED_RECIPE.with_size(epochs, digits), []
    synthetic = generate(recipe.synthetic.digits, seed)
    for fold in crossval.cross_validate(recipe, load_split().training, synthetic, folds, seed):
        by_fold.append(fold)
        print(f"fold {len(by_fold)}: {_summary_at_temperature(fold, recipe.temperature)}", flush=True)
    predictions = crossval.concatenate(by_fold)
    best = crossval.fit_temperature(predictions.labels, predictions.logits)
    print(f"all, temperature 1: {_summary_at_temperature(predictions, 1)}")
    recipe_summary = _summary_at_temperature(predictions, recipe.temperature)
    print(f"all, temperature {recipe.temperature}, the recipe's: {recipe_summary}")
    print(f"the temperature that fits these rows best: {best:.2f}")
    crossval.save(predictions, out)


def check_release(file: Path, epochs: int | None, digits: int | None) -> int:
    """Train the network again and compare it with a committed file.

    Args:
        file: The committed file; its card names the seed.
        epochs: Number of epochs; None takes the recipe's.
        digits: Number of synthetic digits; None takes the recipe's.
    Returns:
        0 if all arrays are the same, and the card except for its field `libraries`; 1 otherwise. On a machine that
        may train other weights, 0 if the two held-out accuracies differ by at most half a percentage point.
    """
    released = load_artefact(file)
    with TemporaryDirectory() as folder:
        train(Path(folder) / file.name, released.card.seed, epochs, digits)
        again = load_artefact(Path(folder) / file.name)
    print(f"{file}: {summary(released.card.held_out)}")
    return compare(again, released, why_weights_may_differ())


def compare(artefact: Artefact, released: Artefact, obstacle: str | None) -> int:
    """Compare a newly trained artefact with a released artefact, and print the result.

    Args:
        artefact: The new artefact.
        released: The released artefact.
        obstacle: The reason why the weights may differ, a clause; None if they must be the same.
    Returns:
        0 if they agree, 1 otherwise. With an obstacle only the accuracies must agree.
    """
    if obstacle:
        gap = abs(artefact.card.held_out.accuracy - released.card.held_out.accuracy)
        print(f"the weights are not compared, because {obstacle}")
        print(f"the accuracies are {gap:.2%} apart; {ACCURACY_TOLERANCE:.2%} is allowed")
        return 0 if gap <= ACCURACY_TOLERANCE else 1
    differences = list(find_differences(artefact, released))
    print(f"different: {', '.join(differences)}" if differences else "the same arrays and the same card")
    return 1 if differences else 0


def find_differences(artefact: Artefact, other: Artefact) -> Iterator[str]:
    """Compare two artefacts, except for the library versions in their cards.

    Args:
        artefact: An artefact.
        other: Another artefact.
    Yields:
        The name of each array that differs in any byte, and of each field of the card that differs.
    """
    for name, array in artefact.network.weights._asdict().items():
        if array.tobytes() != getattr(other.network.weights, name).tobytes():
            yield name
    fields, other_fields = (asdict(replace(each.card, libraries={})) for each in (artefact, other))
    yield from (name for name, value in fields.items() if value != other_fields[name])


def check_gradients() -> int:
    """Check our gradient and the notebook's gradient by finite differences.

    Returns:
        0 if our gradient is right and the notebook's is wrong, 1 otherwise.
    """
    our_errors, notebook_errors = check_our_gradient(), check_notebook_gradient()
    print(f"relative error by finite differences in float64; agreement is below {TOLERANCE:g}\n")
    print(f"{'':4}{'ours':>10}{'notebook':>12}")
    for name, error in our_errors.items():
        print(f"{name:4}{error:10.1e}{notebook_errors[name]:12.1e}")
    is_ours_right = max(our_errors.values()) < TOLERANCE
    is_notebooks_wrong = min(notebook_errors.values()) >= TOLERANCE
    print(f"\nours is {'right' if is_ours_right else 'WRONG'}")
    print(f"the notebook's is {'wrong' if is_notebooks_wrong else 'RIGHT'}")
    return 0 if is_ours_right and is_notebooks_wrong else 1


def reproduce_notebook() -> None:
    """Repeat the notebook's training, print its losses next to the losses of 2019, and measure each fault alone."""
    split = load_split()
    print("the notebook again, its three faults included\n")
    print(f"{'iteration':>9}{'loss':>13}{'in 2019':>13}")
    for faults in notebook.CASES:
        has_all_faults = faults == notebook.ALL_FAULTS
        for iteration in notebook.train(split.training, faults):
            notebook_loss = notebook.NOTEBOOK_LOSSES.get(iteration.number)
            if has_all_faults and notebook_loss is not None:
                print(f"{iteration.number:9}{iteration.loss:13.3f}{notebook_loss:13.3f}", flush=True)
        accuracy = notebook.accuracy(iteration.weights, split.held_out)
        if has_all_faults:
            print(f"{'accuracy':>9}{accuracy:13.2%}{notebook.NOTEBOOK_ACCURACY:13.2%}\n")
            print(f"{'gradient':24}{'iterations':>11}{'last loss':>11}{'held-out accuracy':>19}")
        print(f"{faults!s:24}{iteration.number + 1:11}{iteration.loss:11.2f}{accuracy:19.2%}", flush=True)


def check_folder(out: Path) -> None:
    """Reject an output file whose folder is missing, before a training of several minutes starts.

    Args:
        out: The output file.
    Raises:
        DataError: Its folder is missing.
    """
    if not out.parent.is_dir():
        raise DataError(f"{out.parent} is not a folder to write to")


def summary(metrics: Metrics) -> str:
    """Summarise metrics in one line.

    Args:
        metrics: Metrics on any rows.
    Returns:
        Accuracy in percent, log-loss in nats, calibration error, and number of rows.
    """
    return (
        f"accuracy {metrics.accuracy:.2%}, log-loss {metrics.log_loss:.4f}, "
        f"calibration error {metrics.calibration_error:.4f} on {metrics.rows} rows"
    )


def _summary_at_temperature(predictions: crossval.OutOfFoldPredictions, temperature: float) -> str:
    return summary(evaluation.score(predictions.labels, predictions.probabilities(temperature)))
