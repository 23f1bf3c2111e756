"""What a DVC remote carries from one clone to another: a folder, an S3 server, an SSH server, none of them a mock."""

import getpass
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import boto3
import pytest

from tests.pipeline.project import STAGES, Project, files_below

pytestmark = pytest.mark.slow

IN_ANOTHER_LANGUAGE = ["analyze_layers", "summarize", "build_page"]  # what report.language reaches
BIG = ("artifacts/vocab", "data/corpus", "data/prepared", "models/dialogue", "outputs", "reports/layers")
SECRET = "a-key-that-nobody-else-knows"


@dataclass(frozen=True)
class Remote:
    """Where the data lies: what everybody sets and git keeps, and what each sets for themselves."""

    url: str
    settings: dict[str, str] = field(default_factory=dict)
    own: dict[str, str] = field(default_factory=dict)


def use(project: Project, remote: Remote) -> None:
    """Name the remote in .dvc/config and commit that."""
    project.dvc("remote", "add", "--default", "storage", remote.url)
    for name, value in remote.settings.items():
        project.dvc("remote", "modify", "storage", name, value)
    project.git("commit", "--quiet", "--message=a remote", ".dvc/config")


def log_in(project: Project, remote: Remote) -> None:
    """Set what is one's own in .dvc/config.local."""
    for name, value in remote.own.items():
        project.dvc("remote", "modify", "--local", "storage", name, value)


def clone(project: Project, to: Path) -> Project:
    """What somebody else gets from git."""
    project.git("clone", "--quiet", str(project.root), str(to))
    return Project(to)


def commit_in_english(project: Project) -> None:
    """A commit with another result: the pages in English, the cheapest there is."""
    project.set_params(language="en")
    assert project.repro().ran == IN_ANOTHER_LANGUAGE
    project.git("commit", "--quiet", "--all", "--message=in English")


def cached(project: Project) -> dict[str, bytes]:
    """All that lies in DVC's cache, the run cache included."""
    cache = project.root / ".dvc/cache"
    return {file.relative_to(cache).as_posix(): file.read_bytes() for file in files_below(cache)}


def present(project: Project, paths: tuple[str, ...] = BIG) -> list[str]:
    """Those of `paths` that lie in the folder."""
    return [path for path in paths if (project.root / path).exists()]


def free_port() -> int:
    """A port of the loopback interface on which nothing listens."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@contextmanager
def server(command: list[str], port: int, log: Path) -> Iterator[None]:
    """A server process that listens on `port`; it ends with the block."""
    with open(log, "wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        until = time.monotonic() + 600
        while True:
            with socket.socket() as tried:
                if tried.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None and time.monotonic() < until, log.read_text(errors="replace")
            time.sleep(0.1)
        yield
    finally:
        process.kill()
        process.wait()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder without keys: neither ~/.ssh nor ~/.aws nor an agent of this machine is read."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "SSH_", "XDG_CONFIG"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")  # else S3 without a key asks the network for one
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture(scope="module")
def with_raw_data(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The finished project with its raw file in DVC's care; for reading only."""
    project = finished.copy(tmp_path_factory.mktemp("remote") / "tinychat")
    project.dvc("add", "data/raw/qa.csv")
    project.repro()
    project.git("add", ".")
    project.git("commit", "--quiet", "--message=the raw data, by DVC")
    return project


@pytest.fixture
def mine(with_raw_data: Project, tmp_path: Path) -> Project:
    """A project of the test's own, finished, with its raw file in DVC's care."""
    return with_raw_data.copy(tmp_path / "mine")


@pytest.fixture
def folder(tmp_path: Path) -> Remote:
    """A folder that all can reach."""
    return Remote(str(tmp_path / "storage"))


@pytest.fixture(scope="module")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an S3 server with the bucket `dialogues`."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "--port", str(port)]
    with server(command, port, tmp_path_factory.mktemp("s3") / "log"):
        address = f"http://127.0.0.1:{port}"
        keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any", "region_name": "us-east-1"}
        boto3.client("s3", endpoint_url=address, **keys).create_bucket(Bucket="dialogues")
        yield address


@pytest.fixture
def s3(s3_server: str, tmp_path: Path) -> Remote:
    """A place of the test's own in the bucket."""
    keys = {"access_key_id": "me", "secret_access_key": SECRET}
    return Remote(f"s3://dialogues/{tmp_path.name}", {"endpointurl": s3_server}, keys)


@dataclass(frozen=True)
class SshServer:
    """A running sshd that lets the current user in, with `key` alone."""

    port: int
    key: Path
    host_key: str


@pytest.fixture(scope="module")
def ssh_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    """OpenSSH's server, as the current user, with keys of its own."""
    sshd = shutil.which("sshd", path=os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/usr/local/sbin"]))
    if sshd is None:
        pytest.skip("sshd is not installed (Debian: openssh-server)")
    folder = tmp_path_factory.mktemp("ssh")
    for key in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / key], check=True)
    port = free_port()
    settings = {
        "ListenAddress": "127.0.0.1",
        "Port": port,
        "HostKey": folder / "host",
        "AuthorizedKeysFile": folder / "user.pub",
        "StrictModes": "no",  # the folder above is world-writable: it is /tmp
        "PasswordAuthentication": "no",
        "KbdInteractiveAuthentication": "no",
        "PidFile": "none",
        "Subsystem": "sftp internal-sftp",
    }
    lines = [f"{name} {value}\n" for name, value in settings.items()]
    (folder / "sshd_config").write_text("".join(lines), encoding="utf-8")
    # Root's sshd wants this folder, which the system's own service makes when it starts.
    separation = Path("/run/sshd")
    made = os.geteuid() == 0 and separation.parent.is_dir() and not separation.exists()
    if made:
        separation.mkdir(mode=0o755)
    try:
        with server([sshd, "-D", "-e", "-f", str(folder / "sshd_config")], port, folder / "log"):
            yield SshServer(port, folder / "user", (folder / "host.pub").read_text(encoding="utf-8"))
    finally:
        if made:
            separation.rmdir()


@pytest.fixture
def ssh(ssh_server: SshServer, tmp_path: Path) -> Remote:
    """A folder of the test's own on the SSH server."""
    own = {"user": getpass.getuser(), "keyfile": str(ssh_server.key)}
    return Remote(f"ssh://127.0.0.1{tmp_path}/storage", {"port": str(ssh_server.port)}, own)


# From one clone to another


@pytest.mark.parametrize("kind", ["folder", "s3", "ssh"])
def test_what_one_clone_pushes_another_pulls_to_the_byte_and_runs_nothing(
    kind: str, mine: Project, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    remote: Remote = request.getfixturevalue(kind)
    use(mine, remote)
    log_in(mine, remote)
    mine.dvc("push")

    theirs = clone(mine, tmp_path / "theirs")
    log_in(theirs, remote)
    theirs.dvc("pull")
    assert theirs.out_bytes() == mine.out_bytes()
    assert (theirs.root / "data/raw/qa.csv").read_bytes() == (mine.root / "data/raw/qa.csv").read_bytes()

    again = theirs.repro()
    assert (again.ran, again.restored, set(again.unchanged)) == ([], [], set(STAGES))
    assert theirs.git("status", "--short") == ""


def test_git_carries_no_dialogue_and_no_model(mine: Project, folder: Remote, tmp_path: Path) -> None:
    use(mine, folder)
    theirs = clone(mine, tmp_path / "theirs")
    assert present(theirs, (*BIG, "data/raw/qa.csv", "reports/summary.html")) == []


def test_s3_keys_come_from_the_environment(mine: Project, s3: Remote, monkeypatch: pytest.MonkeyPatch) -> None:
    use(mine, s3)
    assert "Unable to locate credentials" in mine.dvc("push", fails=True).stderr
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "me")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    assert "files pushed" in mine.dvc("push").stdout


def test_keys_that_are_set_with_local_stay_out_of_git(mine: Project, s3: Remote) -> None:
    use(mine, s3)
    log_in(mine, s3)
    assert SECRET in (mine.root / ".dvc/config.local").read_text(encoding="utf-8")
    mine.git("add", "--all")
    assert mine.git("status", "--short") == ""


def test_the_host_key_of_an_ssh_server_is_not_checked(
    mine: Project, ssh: Remote, ssh_server: SshServer, home: Path
) -> None:
    """docs/remote.md warns of it, and names a tunnel as the way round. ssh itself does refuse this server."""
    another_key = ssh_server.key.with_suffix(".pub").read_text(encoding="utf-8").split()[:2]
    known_hosts = home / ".ssh/known_hosts"
    known_hosts.parent.mkdir(mode=0o700)
    known_hosts.write_text(f"[127.0.0.1]:{ssh_server.port} {' '.join(another_key)}\n", encoding="utf-8")
    place = ["-p", str(ssh_server.port), "-i", str(ssh_server.key), "127.0.0.1"]
    refused = mine.run("ssh", "-o", f"UserKnownHostsFile={known_hosts}", *place, "true", fails=True)
    assert "REMOTE HOST IDENTIFICATION HAS CHANGED" in refused.stderr

    use(mine, ssh)
    log_in(mine, ssh)
    assert "files pushed" in mine.dvc("push").stdout


# The raw data


def test_dvc_add_leaves_the_raw_file_to_the_remote_and_its_name_to_git(project: Project) -> None:
    project.dvc("add", "data/raw/qa.csv")
    assert project.git("status", "--short").split() == ["??", "data/raw/qa.csv.dvc"]
    # The folder has a file more; what is in it is the same, so nothing after ingest runs.
    assert project.repro().ran == ["ingest"]


def test_a_clone_without_the_raw_file_takes_the_sample_and_git_brings_the_results_back(
    project: Project, folder: Remote, tmp_path: Path
) -> None:
    use(project, folder)
    project.dvc("push")
    theirs = clone(project, tmp_path / "theirs")
    theirs.dvc("pull")
    assert theirs.out_bytes() == project.out_bytes()

    assert theirs.repro("ingest").ran == ["ingest"]
    assert "starter" in theirs.git("diff", "reports/corpus/metrics.json")

    theirs.git("checkout", "dvc.lock", "reports")
    theirs.dvc("checkout", "--force")
    assert theirs.out_bytes() == project.out_bytes()


def test_a_clone_without_the_raw_file_runs_the_late_stages_by_name(
    project: Project, folder: Remote, tmp_path: Path
) -> None:
    use(project, folder)
    project.dvc("push")
    theirs = clone(project, tmp_path / "theirs")
    theirs.dvc("pull")
    theirs.set_params(temperature=0.3)
    assert theirs.repro("--downstream", "generate").ran == ["generate", "export_csv", "summarize", "build_page"]


def test_a_clone_that_did_not_pull_its_raw_file_is_told_to(mine: Project, folder: Remote, tmp_path: Path) -> None:
    use(mine, folder)
    mine.dvc("push")
    theirs = clone(mine, tmp_path / "theirs")
    refused = theirs.dvc("repro", "--pull", "--allow-missing", fails=True)
    assert "error: data/raw/qa.csv.dvc tracks qa.csv, which is not here. Run: dvc pull" in refused.stderr


# A fresh clone that fetches no more than it needs, as CI does


@pytest.fixture
def fresh(mine: Project, folder: Remote, tmp_path: Path) -> Project:
    """A clone with a remote that holds everything; only the raw file was pulled."""
    use(mine, folder)
    mine.dvc("push")
    theirs = clone(mine, tmp_path / "theirs")
    theirs.dvc("pull", "data/raw/qa.csv.dvc")
    return theirs


def test_an_unchanged_clone_runs_nothing_and_fetches_nothing_but_the_raw_file(fresh: Project) -> None:
    again = fresh.repro("--pull", "--allow-missing")
    assert (again.ran, again.restored, set(again.unchanged)) == ([], [], set(STAGES))
    assert present(fresh) == []
    assert list(cached(fresh).values()) == [(fresh.root / "data/raw/qa.csv").read_bytes()]


def test_a_late_change_fetches_what_the_late_stages_may_read_and_no_token_arrays(fresh: Project, mine: Project) -> None:
    fresh.set_params(temperature=0.3)
    assert fresh.repro("--pull", "--allow-missing").ran == ["generate", "export_csv", "summarize", "build_page"]
    assert present(fresh) == ["data/corpus", "models/dialogue", "outputs", "reports/layers"]
    model = "models/dialogue/model.safetensors"
    assert (fresh.root / model).read_bytes() == (mine.root / model).read_bytes()


# A remote that does not do what it should


def unreachable(scheme: str) -> Remote:
    """A server that does not answer."""
    port = str(free_port())
    if scheme == "ssh":
        return Remote("ssh://127.0.0.1/storage", {"port": port})
    keys = {"access_key_id": "me", "secret_access_key": SECRET}
    return Remote("s3://dialogues/storage", {"endpointurl": f"http://127.0.0.1:{port}"}, keys)


@pytest.mark.parametrize(
    ("scheme", "said"), [("s3", "Could not connect to the endpoint"), ("ssh", "Connect call failed")]
)
def test_an_unreachable_server_ends_the_command_before_anything_is_lost(mine: Project, scheme: str, said: str) -> None:
    remote = unreachable(scheme)
    use(mine, remote)
    log_in(mine, remote)
    mine.set_params(language="en")
    outs, cache = mine.out_bytes(), cached(mine)
    for command in (["push"], ["repro", "--pull"]):
        assert said in mine.dvc(*command, fails=True).stderr, command
    assert mine.out_bytes() == outs
    assert cached(mine) == cache


def test_a_pull_from_an_empty_remote_fails_and_names_what_it_lacks(
    mine: Project, folder: Remote, tmp_path: Path
) -> None:
    use(mine, folder)
    theirs = clone(mine, tmp_path / "theirs")
    refused = theirs.dvc("pull", fails=True)
    assert {"models/dialogue", "data/corpus", "data/raw/qa.csv"} <= set(refused.stderr.split())


def test_a_push_from_a_clone_that_pulled_nothing_claims_success_and_pushes_nothing(
    mine: Project, folder: Remote, tmp_path: Path
) -> None:
    use(mine, folder)
    theirs = clone(mine, tmp_path / "theirs")
    pushed = theirs.dvc("push")
    assert "Missing cache files" in pushed.stderr
    assert "Everything is up to date." in pushed.stdout
    assert not Path(folder.url).exists()


def test_a_failed_pull_takes_the_older_results_away_and_the_cache_brings_them_back(
    mine: Project, folder: Remote, tmp_path: Path
) -> None:
    use(mine, folder)
    mine.dvc("push")
    theirs = clone(mine, tmp_path / "theirs")
    theirs.dvc("pull")
    older = theirs.out_bytes()

    commit_in_english(mine)  # and forget to push
    theirs.git("pull", "--quiet")
    theirs.dvc("pull", fails=True)
    assert present(theirs, ("reports/summary.html",)) == []

    theirs.git("checkout", "--quiet", "HEAD~1")
    theirs.dvc("checkout")
    assert theirs.out_bytes() == older


@pytest.mark.parametrize("verify", ["false", "true"])
def test_a_model_that_was_changed_on_the_remote_is_refused_only_with_verify(
    verify: str, mine: Project, folder: Remote, tmp_path: Path
) -> None:
    use(mine, folder)
    mine.dvc("push")
    model = "models/dialogue/model.safetensors"
    true_weights = (mine.root / model).read_bytes()
    (stored,) = (file for file in files_below(Path(folder.url)) if file.read_bytes() == true_weights)
    stored.chmod(0o644)
    stored.write_bytes(true_weights[:-1] + bytes([true_weights[-1] ^ 1]))

    theirs = clone(mine, tmp_path / "theirs")
    theirs.dvc("remote", "modify", "storage", "verify", verify)
    theirs.dvc("pull", fails=verify == "true")
    assert present(theirs, (model,)) == ([] if verify == "true" else [model])


# Earlier results


def test_the_run_cache_brings_an_earlier_summary_to_another_clone(
    mine: Project, folder: Remote, tmp_path: Path
) -> None:
    use(mine, folder)
    earlier = mine.out_bytes()
    commit_in_english(mine)
    mine.dvc("push", "--run-cache", "--all-commits")

    theirs = clone(mine, tmp_path / "theirs")
    theirs.dvc("pull")
    theirs.set_params(language="ko")
    back = theirs.repro("--pull")
    assert (back.ran, back.restored) == ([], IN_ANOTHER_LANGUAGE)
    assert theirs.out_bytes() == earlier


@pytest.fixture(scope="module")
def retrained(with_raw_data: Project, tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Project]:
    """A project with two models in two commits, all of it pushed, and the same as it was before; for reading only."""
    project = with_raw_data.copy(tmp_path_factory.mktemp("retrained") / "tinychat")
    use(project, Remote(str(project.root.with_name("storage"))))
    before = project.copy(project.root.with_name("before"))
    project.set_params(learning_rate=0.002)
    assert "train" in project.repro().ran
    project.git("commit", "--quiet", "--all", "--message=faster")
    project.dvc("push", "--run-cache", "--all-commits")
    return project, before


def test_an_earlier_model_comes_from_the_remote_with_its_commit(
    retrained: tuple[Project, Project], tmp_path: Path
) -> None:
    project, before = retrained
    theirs = clone(project, tmp_path / "theirs")
    theirs.git("checkout", "HEAD~1", "--", "params.yaml", "dvc.lock", "reports")
    theirs.dvc("pull")
    assert theirs.out_bytes() == before.out_bytes()
    again = theirs.repro()
    assert (again.ran, again.restored) == ([], [])


def test_the_run_cache_brings_no_model_to_another_clone(retrained: tuple[Project, Project], tmp_path: Path) -> None:
    """A run with numbers that git keeps lies whole in the cache it was made with, and in no remote (docs/remote.md)."""
    project, before = retrained
    at_home = project.copy(tmp_path / "at home")
    at_home.set_params(learning_rate=0.001)
    assert at_home.repro().ran == []
    assert at_home.out_bytes() == before.out_bytes()

    theirs = clone(project, tmp_path / "theirs")
    theirs.dvc("pull", "--run-cache")
    theirs.set_params(learning_rate=0.001)
    assert "train" in theirs.repro("--pull").ran


def test_gc_with_workspace_and_cloud_removes_the_results_of_earlier_commits_from_the_remote(
    mine: Project, folder: Remote, tmp_path: Path
) -> None:
    use(mine, folder)
    commit_in_english(mine)
    mine.dvc("push", "--all-commits")
    theirs = clone(mine, tmp_path / "theirs")
    theirs.git("checkout", "--quiet", "HEAD~1")

    mine.dvc("gc", "--all-commits", "--all-experiments", "--cloud", "--force")
    theirs.dvc("fetch")
    shutil.rmtree(theirs.root / ".dvc/cache")

    mine.dvc("gc", "--workspace", "--cloud", "--force")
    refused = theirs.dvc("pull", fails=True)
    assert "reports/summary.html" in refused.stderr
    assert present(theirs, ("models/dialogue", "reports/summary.html")) == ["models/dialogue"]


def test_an_experiment_travels_by_git_and_its_data_by_the_remote(mine: Project, folder: Remote, tmp_path: Path) -> None:
    use(mine, folder)
    mine.git("clone", "--quiet", "--bare", ".", str(tmp_path / "origin.git"))
    mine.git("remote", "add", "origin", str(tmp_path / "origin.git"))
    mine.dvc("push")
    mine.dvc("exp", "run", "--name", "english", "--set-param", "report.language=en")
    mine.dvc("exp", "push", "origin", "english")

    theirs = clone(Project(tmp_path / "origin.git"), tmp_path / "theirs")
    theirs.dvc("exp", "pull", "origin", "english")
    theirs.dvc("exp", "apply", "english")
    assert theirs.out_bytes() == mine.out_bytes()
    assert theirs.git("diff", "params.yaml") == mine.git("diff", "params.yaml") != ""
