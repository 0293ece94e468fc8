"""Earlier revisions of this service: chosen and exported by git, without a change to the checkout."""

import subprocess
import tarfile
import tomllib
from io import BytesIO

PROJECT_FILE = "pyproject.toml"


def find_earlier_release(checkout):
    """Find the newest release before the version of the checkout.

    There are no tags. A release is the commit that gave `pyproject.toml` another version. The parent of the commit
    that set the checkout's version is not an earlier release: the version changes in the last commit of a release,
    so that the parent already has the release's code.

    Args:
        checkout: The folder of the checkout.
    Returns:
        The release's commit. None without such a commit: in a shallow clone, an exported archive, or without git.
    """
    version = _version((checkout / PROJECT_FILE).read_text())
    try:
        for commit in _git(checkout, "log", "--format=%H", "-G^version = ", "--", PROJECT_FILE).decode().split():
            if _version(_git(checkout, "show", f"{commit}:./{PROJECT_FILE}").decode()) != version:
                return commit
    except (FileNotFoundError, RuntimeError):  # git is not installed, or the checkout is no git repository
        return None
    return None


def find_commit(checkout, revision):
    """Find the commit that a revision names.

    Args:
        checkout: The folder of the checkout.
        revision: A tag, a branch, a commit, or another name that git knows.
    Returns:
        The commit.
    Raises:
        RuntimeError: The revision names no commit.
    """
    try:
        return _git(checkout, "rev-parse", "--verify", f"{revision}^{{commit}}").decode().strip()
    except (FileNotFoundError, RuntimeError) as error:
        raise RuntimeError(f"git knows no revision {revision}: {error}") from error


def describe(checkout, commit):
    """Return the short name of a commit and the first line of its message."""
    return _git(checkout, "log", "-1", "--format=%h (%s)", commit).decode().strip()


def export(checkout, commit, folder):
    """Write the files of a commit into a folder.

    Args:
        checkout: The folder of the checkout.
        commit: The commit.
        folder: The folder.
    Raises:
        RuntimeError: git cannot export the commit.
    """
    archive = _git(checkout, "archive", "--format=tar", commit)
    with tarfile.open(fileobj=BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")


def _git(checkout, *arguments):
    """Run git in the checkout, and return its output; raise RuntimeError with its error message if it fails."""
    completed = subprocess.run(["git", *arguments], cwd=checkout, capture_output=True, check=False)
    if completed.returncode:
        raise RuntimeError(completed.stderr.decode().strip())
    return completed.stdout


def _version(project):
    """Return the version in the text of a `pyproject.toml`."""
    return tomllib.loads(project)["project"]["version"]
