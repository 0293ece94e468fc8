"""The benchmark of serving: its contenders predict correctly, and its measurements and tables are correct."""

import os
import shutil
import subprocess
import sys

import pytest

from benchmarks.serving import comparison, probe, process, report
from benchmarks.serving.contenders import CONTENDERS

pytestmark = pytest.mark.skipif(
    shutil.which("taskset") is None and "CI" not in os.environ, reason="processes are pinned by taskset"
)


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
    child = f"[sys.executable, '-c', {computation!r} + ';input()']"
    code = f"import subprocess, sys; subprocess.run({child}); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as parent:
        try:
            processes = process.ProcessTree(parent.pid)
            while processes.cpu_seconds() < 0.1:
                assert parent.poll() is None
            assert len(processes.pids()) == 2
        finally:
            parent.communicate(b"\n\n")


def test_insert_quotations_replaces_only_the_text_between_the_comments():
    text = "a\n<!-- x -->\nold\n<!-- /x -->\nb\n<!-- y -->\n<!-- /y -->\n"
    quoted = report.insert_quotations(text, {"x": ["1", "2"], "z": ["3"]})
    assert quoted == "a\n<!-- x -->\n1\n2\n<!-- /x -->\nb\n<!-- y -->\n<!-- /y -->\n"
    assert report.insert_quotations(quoted, {"x": ["1", "2"]}) == quoted
    assert report.insert_quotations(text, {"y": ["1"]}).endswith("<!-- y -->\n1\n<!-- /y -->\n")
