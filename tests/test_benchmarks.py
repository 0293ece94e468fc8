"""What the benchmarks of the service measure is what they say."""

import os
import shutil
import subprocess
import sys

import pytest

from benchmarks.serving import probe, process, report
from benchmarks.serving.contenders import CONTENDERS, ROOT

pytestmark = pytest.mark.skipif(
    shutil.which("taskset") is None and "CI" not in os.environ, reason="processes are pinned by taskset"
)


@pytest.mark.parametrize("name", ["ours", "echo", "bare", "textbook"])
def test_everyone_serves_the_network_before_being_measured(name, artefact, split, tmp_path):
    contender, port, images = CONTENDERS[name], process.free_port(), split.training.pixels[:5]
    url = f"http://127.0.0.1:{port}"
    command, variables = contender.command(port, tmp_path), {"DIGITS_DRAIN_SECONDS": "0"}
    with process.running(command, variables, ROOT, lambda: contender.is_ready(url)) as (tree, seconds):
        assert seconds > 0
        memory = tree.memory()
        assert memory["rss_bytes"] >= memory["memory_bytes"] > 10 * 2**20
        right = artefact.network.probabilities(images)
        probe.require_right_answers(contender, url, images, right)
        habits = probe.habits(contender, url)
        assert habits["keeps_alive"]
        if contender.read:
            assert (habits["status_of_17"] == 422) is (name != "bare")
            with pytest.raises(RuntimeError, match="otherwise than the network"):
                probe.require_right_answers(contender, url, images, right[::-1])
    assert not tree.pids()[1:]


def test_what_children_compute_is_charged_to_the_tree():
    busy = "sum(range(10**7))"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {busy!r} + ';input()']); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as parent:
        try:
            tree = process.Tree(parent.pid)
            while tree.cpu_seconds() < 0.1:
                assert parent.poll() is None
            assert len(tree.pids()) == 2
        finally:
            parent.communicate(b"\n\n")


def test_quoting_replaces_what_stands_between_the_comments_and_nothing_else():
    text = "a\n<!-- x -->\nold\n<!-- /x -->\nb\n<!-- y -->\n<!-- /y -->\n"
    once = report.quote(text, {"x": ["1", "2"], "z": ["3"]})
    assert once == "a\n<!-- x -->\n1\n2\n<!-- /x -->\nb\n<!-- y -->\n<!-- /y -->\n"
    assert report.quote(once, {"x": ["1", "2"]}) == once
    assert report.quote(text, {"y": ["1"]}).endswith("<!-- y -->\n1\n<!-- /y -->\n")
