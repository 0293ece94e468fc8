"""The inputs that fuzzing has found are regression tests: every property holds for each of them."""

import pytest

from tests.fuzzing.answers import check_oip_error, check_problem
from tests.fuzzing.reduce import CORPUS, MAX_BYTES, MAX_FILES, name_of
from tests.fuzzing.replay import MAX_SECONDS, replay
from tests.fuzzing.seeds import SEEDS, make_seeds
from tests.fuzzing.service import Answer
from tests.fuzzing.targets import TARGETS
from tests.fuzzing.words import WORDS
from tests.hostile import SENT_TEXT

FILES = sorted(CORPUS.glob("*/*"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.name}")
def test_every_property_holds_for_an_input_of_the_corpus(file):
    assert replay(file.parent.name, [file]).seconds <= MAX_SECONDS


@pytest.mark.parametrize("target", TARGETS)
def test_every_property_holds_for_the_first_inputs_of_the_fuzzer(target):
    seeds = make_seeds(target)
    assert len(seeds) > 50
    for seed in seeds:
        TARGETS[target](seed)


@pytest.mark.parametrize("target", TARGETS)
def test_the_corpus_is_small_and_named_by_content(target):
    contents = {file.name: file.read_bytes() for file in FILES if file.parent.name == target}
    assert 10 <= len(contents) <= MAX_FILES
    assert sum(map(len, contents.values())) <= MAX_BYTES
    assert {name: name_of(data) for name, data in contents.items()} == {name: name for name in contents}


def test_each_target_has_seeds_words_and_a_corpus():
    assert set(TARGETS) == set(SEEDS) == set(WORDS) == {folder.name for folder in CORPUS.iterdir()}


PROBLEM = '{"type":"urn:digits:problem:bad-request","title":"a","status":400,"detail":"TEXT"}'
OIP_ERROR = '{"error":"TEXT"}'


@pytest.mark.parametrize(
    ("check", "media_type", "body"),
    [
        (check_problem, b"application/problem+json", PROBLEM.replace("TEXT", SENT_TEXT)),
        (check_problem, b"application/json", PROBLEM),
        (check_problem, b"application/problem+json", PROBLEM.replace("400", "404")),
        (check_oip_error, b"application/json", OIP_ERROR.replace("TEXT", SENT_TEXT)),
        (check_oip_error, b"application/json", '{"error":"a","detail":"b"}'),
    ],
)
def test_an_error_response_that_breaks_a_rule_is_noticed(check, media_type, body):
    with pytest.raises(AssertionError):
        check(Answer(400, {b"content-type": media_type}, body.encode()))


def test_an_error_response_that_breaks_no_rule_passes():
    check_problem(Answer(400, {b"content-type": b"application/problem+json"}, PROBLEM.encode()))
    check_oip_error(Answer(400, {b"content-type": b"application/json"}, OIP_ERROR.encode()))
