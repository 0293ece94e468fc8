"""The benchmark of serving: its contenders predict correctly, and its measurements and tables are correct."""

import os
import subprocess
import sys

import pytest

from benchmarks.serving import comparison, probe, process, quick, quick_cases, quick_report, report, revisions
from benchmarks.serving.contenders import CONTENDERS, ROOT
from tests.e2e.server import poll_until
from tests.machine import skip_without

pytestmark = skip_without("git", "taskset")

# The costs of a made-up run, in microseconds. The goals of `/v2` and of the 8×8 batch are missed.
COSTS_NOW = {"echo": 20, "bare": 30, "textbook": 200, "predict": 42, "two_workers": 44, "traced": 50, "access_log": 58}
COSTS_NOW |= {"keyed": 44, "v2": 105, "flat_batch": 4000, "square_batch": 6000}


@pytest.mark.e2e
@pytest.mark.parametrize("name", ["ours", "echo", "bare", "textbook"])
def test_contender_answers_correctly_and_leaves_no_process_when_stopped(name, artefact, split):
    contender, images = CONTENDERS[name], split.training.pixels[:5]
    with comparison.running_contender(contender) as (url, processes, ready_seconds):
        assert ready_seconds > 0
        memory = processes.memory()
        assert memory["rss_bytes"] >= memory["memory_bytes"] > 10 * 2**20
        probabilities = artefact.network.probabilities(images)
        probe.require_correct_answers(contender, url, images, probabilities)
        behaviour = probe.observe_behaviour(contender, url)
        assert behaviour["keeps_alive"]
        if contender.parse_probabilities:
            assert (behaviour["status_of_17"] == 422) is (name != "bare")
            with pytest.raises(RuntimeError, match="did not answer with the network's probabilities"):
                probe.require_correct_answers(contender, url, images, probabilities[::-1])
    assert not processes.pids()[1:]


def test_process_tree_counts_the_cpu_time_of_child_processes():
    computation = "sum(range(10**7))"
    child = f"[sys.executable, '-c', 'input();' + {computation!r} + ';input()']"
    code = f"import subprocess, sys; subprocess.run({child}); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as parent:
        try:
            processes = process.ProcessTree(parent.pid)
            poll_until(lambda: len(processes.pids()) == 2)
            before = processes.cpu_seconds()  # the parent only waits from now on, and the child computes after a line
            assert parent.stdin is not None
            parent.stdin.write(b"\n")
            parent.stdin.flush()
            poll_until(lambda: processes.cpu_seconds() > before + 0.1)
        finally:
            parent.communicate(b"\n\n")


def test_insert_quotations_replaces_only_the_text_between_the_comments():
    text = "a\n<!-- x -->\nold\n<!-- /x -->\nb\n<!-- y -->\n<!-- /y -->\n"
    quoted = report.insert_quotations(text, {"x": ["1", "2"], "z": ["3"]})
    assert quoted == "a\n<!-- x -->\n1\n2\n<!-- /x -->\nb\n<!-- y -->\n<!-- /y -->\n"
    assert report.insert_quotations(quoted, {"x": ["1", "2"]}) == quoted
    assert report.insert_quotations(text, {"y": ["1"]}).endswith("<!-- y -->\n1\n<!-- /y -->\n")


@pytest.fixture
def git(tmp_path, monkeypatch):
    """Return a function that runs git in a new repository, without the configuration of the user or of a git hook."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "test")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "test@example.org")
    repository = tmp_path / "repository"
    repository.mkdir()

    def run(*arguments):
        return subprocess.run(["git", *arguments], cwd=repository, capture_output=True, text=True, check=True).stdout

    run("init", "--quiet")
    return run


@pytest.fixture
def repository(git, tmp_path):
    """Return the folder of a repository: two releases, and a commit after each of them."""
    folder = tmp_path / "repository"
    for version in ("0.1.0", "0.2.0"):
        set_version(folder, version)
        for subject in (f"Release {version}", f"Work after {version}"):
            (folder / "app.py").write_text(subject)
            git("add", ".")
            git("commit", "--quiet", "--message", subject)
    return folder


def set_version(folder, version):
    (folder / "pyproject.toml").write_text(f'[project]\nversion = "{version}"\n')


def test_earlier_release_is_the_commit_that_set_the_version_before_the_present_version(repository):
    assert revisions.describe(repository, revisions.find_earlier_release(repository)).endswith(" (Release 0.1.0)")
    set_version(repository, "0.3.0")  # not committed yet
    assert revisions.describe(repository, revisions.find_earlier_release(repository)).endswith(" (Release 0.2.0)")


def test_there_is_no_earlier_release_without_its_history(repository, git, tmp_path):
    git("clone", "--quiet", "--depth", "1", repository.as_uri(), str(tmp_path / "shallow"))
    assert revisions.find_earlier_release(tmp_path / "shallow") is None
    revisions.export(repository, "HEAD", tmp_path / "exported")
    assert revisions.find_earlier_release(tmp_path / "exported") is None


def test_a_revision_is_a_branch_or_a_commit_and_an_unknown_revision_is_named(repository, git):
    commit = git("rev-parse", "HEAD~1").strip()
    git("branch", "earlier", commit)
    assert {revisions.find_commit(repository, name) for name in ("earlier", "HEAD~1", commit[:10])} == {commit}
    with pytest.raises(RuntimeError, match="git knows no revision nonsense"):
        revisions.find_commit(repository, "nonsense")


def test_export_writes_the_files_of_a_revision_and_leaves_the_checkout_alone(repository, git, tmp_path):
    (repository / "app.py").write_text("not committed")
    revisions.export(repository, "HEAD~1", tmp_path / "exported")
    assert {path.name for path in (tmp_path / "exported").iterdir()} == {"app.py", "pyproject.toml"}
    assert (tmp_path / "exported" / "app.py").read_text() == "Release 0.2.0"
    assert git("status", "--short") == " M app.py\n"
    assert len(git("worktree", "list").splitlines()) == 1


def test_turns_of_a_round_start_each_service_from_the_checkout_and_then_from_the_exported_folder(tmp_path):
    turns = quick.turns_of_a_round("abc", tmp_path)
    folders = [(*turn.server.cases, turn.server.contender.folder, turn.earlier_revision) for turn in turns]
    assert folders[:3] == [(name, ROOT, None) for name in ("echo", "bare", "textbook")]
    assert folders[-2:] == [("access_log", ROOT, None), ("access_log", tmp_path, "abc")]
    assert len(quick.turns_of_a_round()) == len(quick_cases.SERVERS) == 3 + (len(turns) - 3) / 2


def test_every_load_of_the_quick_benchmark_is_accepted(make_client, split):
    client = make_client()
    for name, case in quick_cases.CASES.items():
        load = case.build_load(split.training.pixels)
        assert client.post(load.path, content=load.body, headers=load.headers).status_code == 200, name


def test_quick_table_tells_which_goals_are_met():
    costs = quick.Costs(COSTS_NOW, before=dict.fromkeys(COSTS_NOW, 40))
    lines = list(quick_report.quick_table(costs))
    assert "| `/predict` | 42.0 | 40.0 | 1.05× | ≤ 1.05× before | 1.05× | met |" in lines
    assert "|  |  |  |  | ≤ 2.2× bare ASGI, echo | 2.10× | met |" in lines
    assert "| `/v2`, JSON | 105.0 | 40.0 | 2.62× | ≤ 1.9× `/predict` | 2.50× | missed |" in lines
    assert [line.split()[-2] for line in lines if "≤" in line] == [
        *("met", "met", "missed", "missed", "met", "met", "met")
    ]
    assert {line.count("|") for line in lines} == {8}


def test_quick_table_leaves_out_the_comparison_without_an_earlier_revision():
    lines = list(quick_report.quick_table(quick.Costs(COSTS_NOW, before={})))
    assert "| `/predict` | 42.0 |  |  | ≤ 2.2× bare ASGI, echo | 2.10× | met |" in lines
    assert not [line for line in lines if "≤ 1.05×" in line]
    assert len(lines) == 2 + len(quick_cases.CASES)
