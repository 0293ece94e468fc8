"""The figures and tables of the documentation are those of the artefact and of the results of the benchmarks."""

import json
import re

from app.http import admission, content_coding
from app.pictures import chunks, decode, jpeg
from app.process import connection_limits, http_protocol, keys, listener, supervisor
from benchmarks import training as training_benchmark
from benchmarks.capacity import report as capacity
from benchmarks.photos import report as photos
from benchmarks.photos.circumstances import CIRCUMSTANCES
from benchmarks.pictures import report as pictures
from benchmarks.serving import __main__ as serving
from benchmarks.serving import report
from model import NORMALISATION_STEPS, find_sheet
from model.picture.background import foreground_direction, interpolate
from model.picture.printed import remove_boxes_and_underlines, remove_thin_lines
from model.picture.single import require_single_digit
from tests.conftest import ROOT
from tests.docs.documents import CURLS, prose
from tests.drawn_shapes import SHAPES
from training import crossval
from training.evaluate import score
from training.handwriting.styles import load_styles
from training.recipe import RELEASED_RECIPE

MARKED = r"^<!-- (\w+) -->\n(.*?)^<!-- /\1 -->"  # a passage that a benchmark has written


def test_readme_and_page_about_training_have_the_accuracy_of_the_artefact(artefact):
    accuracy = f"{artefact.card.held_out.accuracy * 100:.2f} %"
    assert f"classifies {accuracy} of 594 held-out images correctly" in prose("README.md")
    assert f"classifies {accuracy} of the 594 held-out images correctly" in prose("docs/training.md")


def test_page_about_training_has_the_metrics_of_the_artefact_and_of_the_cross_validation(artefact):
    predictions = crossval.load(ROOT / "training" / "report" / "cross_validation.npz")
    temperature = artefact.card.hyperparameters["temperature"]
    out_of_fold = score(predictions.labels, predictions.probabilities(temperature))
    text = (ROOT / "docs" / "training.md").read_text()
    for metrics in (artefact.card.held_out, out_of_fold):
        assert f"| {metrics.rows} | {metrics.accuracy * 100:.2f} % | {metrics.log_loss:.4f} |" in text
    misclassified = round((1 - out_of_fold.accuracy) * out_of_fold.rows)
    assert f"misclassifies {misclassified} of the {out_of_fold.rows} images" in prose("docs/training.md")


def test_drawing_of_the_network_has_the_probability_of_the_documented_reply():
    reply = next(json.loads(output) for _, _, output in CURLS if output.startswith('{"digit":3'))
    probability = f"{max(reply['probabilities']):.6f}"
    assert f">{probability}</text>" in (ROOT / "docs" / "three.svg").read_text()
    assert f"of which that of 3 is {probability}](three.svg)" in (ROOT / "docs" / "architecture.md").read_text()


def test_page_about_training_has_the_table_of_the_training_benchmark():
    result = json.loads((ROOT / "benchmarks" / "results" / "training.json").read_text())
    assert "\n".join(training_benchmark.table(result["results"])) in (ROOT / "docs" / "training.md").read_text()


def quotations_of_the_results():
    """Write the passages that documents quote from the committed results of the serving benchmark."""
    return report.quotations(*(json.loads(file.read_text()) for file in (serving.SERVING, serving.SCALING)))


def test_quotations_of_the_serving_benchmark_agree_with_its_results():
    quotations = quotations_of_the_results()
    readme, page = (re.findall(MARKED, path.read_text(), re.MULTILINE | re.DOTALL) for path in serving.DOCUMENTS)
    assert [name for name, _ in readme] == ["origin", "costs"]
    assert {name for name, _ in page} == set(quotations) - {"costs"}
    for name, quotation in (*readme, *page):
        assert quotation.splitlines() == quotations[name]


def test_page_about_benchmarks_starts_with_figures_of_the_tables():
    quotations = quotations_of_the_results()
    (ours,) = [line.split(" | ") for line in quotations["costs"] if line.startswith("| **Digits**")]
    (batch,) = [line.strip("| ").split(" | ") for line in quotations["sizes"] if line.startswith("| 1024 ")]
    answer = prose("docs/benchmarks.md").partition("##")[0]
    ratio = ours[2].removesuffix("×")
    assert f"costs Digits {ours[1]} µs of CPU. That is {ratio} times the cost of a bare ASGI echo" in answer
    assert f"costs {float(batch[2]):.1f} µs as JSON and {float(batch[4]):.1f} µs as bytes" in answer


def test_quotations_of_the_capacity_model_agree_with_its_results():
    quotations = capacity.quotations(json.loads(capacity.RESULT.read_text()))
    marked = re.findall(MARKED, (ROOT / "docs" / "scaling.md").read_text(), re.MULTILINE | re.DOTALL)
    assert {name: quotation.splitlines() for name, quotation in marked} == quotations


def test_page_about_pictures_has_the_figures_of_the_benchmark(artefact):
    result, text = json.loads(pictures.RESULT.read_text()), (ROOT / "docs" / "pictures.md").read_text()
    assert result["weights"] == artefact.sha256
    assert "\n".join(pictures.table(result)) in text
    assert f"**{result['right'] * 100:.2f} %** right" in text
    assert ", ".join(f"{share * 100:.1f}" for share in result["right_by_digit"]) in text
    assert pictures.mistakes(result) in text
    assert f"as MNIST has its digits: {result['right_small'] * 100:.2f} % right" in text
    assert "\n".join(pictures.calibration_table(result)) in text
    clean, small = (result["calibration"][name]["calibration_error"] for name in ("clean", "small"))
    assert f"calibration error is {clean:.4f} for the clean pictures and {small:.4f} in 28×28" in prose(
        "docs/pictures.md"
    )
    large = f"{result['right'] * 100:.2f} %"
    assert f"released network classifies {large} correctly" in prose("docs/training.md")
    assert f"{large} of 3,000 digits that other people drew on a tablet" in prose("README.md")


def test_page_about_pictures_has_the_table_of_simulated_photos(artefact):
    result, text = json.loads(photos.RESULT.read_text()), (ROOT / "docs" / "pictures.md").read_text()
    assert result["weights"] == artefact.sha256
    assert list(result["circumstances"]) == list(CIRCUMSTANCES)
    assert "\n".join(photos.table(result)) in text
    assert f"Each row has {result['count']} digits" in prose("docs/pictures.md")


def test_pages_have_the_values_of_the_recipe():
    recipe, text = RELEASED_RECIPE, prose("docs/training.md")
    assert f"logits are divided by {recipe.temperature}," in text
    assert f"in batches of {recipe.schedule.batch_rows} images" in text
    assert f"{recipe.synthetic.digits:,} digits are generated" in text
    assert f"by the temperature {recipe.temperature}," in prose("docs/decisions.md")


def test_pages_have_the_number_of_styles_of_the_generator():
    styles = sum(map(len, load_styles()))
    assert f"draws digits in {styles} styles" in prose("docs/training.md")
    assert f"draws {styles} styles as pen strokes" in prose("docs/decisions.md")


def test_page_about_pictures_has_the_number_of_drawn_shapes():
    shapes = sum(map(len, SHAPES.values()))
    assert f"a sheet of {shapes} shapes" in prose("docs/pictures.md")
    assert f"of these {4 * shapes} pictures" in prose("docs/pictures.md")


def test_page_about_pictures_names_every_step_in_order():
    text = (ROOT / "docs" / "pictures.md").read_text()
    documented = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
    before = [
        find_sheet,
        interpolate,
        foreground_direction,
        remove_thin_lines,
        remove_boxes_and_underlines,
        require_single_digit,
    ]
    assert documented == [step.__name__ for step in (*before, *NORMALISATION_STEPS)]


def test_page_about_operations_has_the_limits_of_the_code():
    text = prose("docs/operations.md")
    sentences = [
        f"{admission.MAX_ROWS:,} images, and bodies of eight times `DIGITS_MAX_BODY_BYTES` together",
        "and bodies of two times `DIGITS_MAX_PICTURE_BYTES` together",
        f"a body of more than {admission.SMALL_BODY_BYTES // 1024} KiB",
        f"bodies over {admission.SMALL_BODY_BYTES // 1024} KiB",
        f"waits for at least {admission.MIN_REJECTION_SECONDS} s",
        f"Each queue answers at most {admission.REJECTIONS_PER_SECOND} such requests a second",
        f"| compressed body | {content_coding.MAX_PART_BYTES // 1024} KiB more than twice its decoded size",
        f"{http_protocol.MAX_HEADERS} | 431 |",
        f"{http_protocol.MAX_CHUNKS:,} | 413; if the answer",
        f"closed at once above {connection_limits.MAX_EXCESS_CONNECTIONS} more",
        f"{connection_limits.EXCESS_SECONDS:g} s on a connection above the limit",
        f"| {jpeg.MAX_SCANS_OF_LARGEST_PICTURE} if it has `DIGITS_MAX_PICTURE_PIXELS`; more if it has fewer pixels",
        f"at most {jpeg.MAX_SCANS} |",
        f"{jpeg.MAX_SEGMENTS:,} segments, {jpeg.MAX_JPEG_HEAD_BYTES // 1024} KiB of tables",
        f"{len(jpeg.TOO_MANY_FILL_BYTES) - 1:,} fill bytes in a row",
        f"| {jpeg.MAX_SCANS_WITHOUT_END} scans, and {jpeg.MAX_BYTES_WITHOUT_END // 2**20} MiB",
        f"| {chunks.MAX_CHUNKS:,} chunks |",
        f"more than {decode.MAX_LOSSLESS_BYTES:,} bytes of lossless data | {decode.MAX_LOSSLESS_PIXELS:,} |",
    ]
    assert [sentence for sentence in sentences if sentence not in text] == []
    assert (admission.MAX_BATCH_BODIES, admission.MAX_PICTURE_BODIES, decode.LARGE_PIXEL_FACTOR) == (8, 2, 2)
    assert content_coding.MAX_GROWTH == 2
    assert f"a service has at most {keys.MAX_KEYS} keys" in prose("docs/keys.md")


def test_time_line_of_a_stop_and_pauses_of_the_supervisor_are_those_of_the_code():
    text = prose("docs/operations.md")
    max_wait = listener.MAX_POLLS * listener.SECONDS_BETWEEN_POLLS
    for passage in (
        f"| {listener.HANDSHAKE_SECONDS} s later, or up to {max_wait:.0f} s more if connections still wait |",
        f"| {connection_limits.LAST_REQUEST_SECONDS:.0f} s later | Connections without a request close. |",
        f"A round trip of more than {listener.HANDSHAKE_SECONDS} s.",
        f"If it dies within {supervisor.EARLY_DEATH_SECONDS:.0f} s after its start",
        f"from {supervisor.PAUSES_SECONDS[1]:.0f} s to {supervisor.PAUSES_SECONDS[-1]:.0f} s",
        f"**A worker that hangs** for {supervisor.HANG_SECONDS:.0f} s is killed and replaced.",
    ):
        assert passage in text
    assert supervisor.PAUSES_SECONDS[0] == 0  # "replaced at once"
