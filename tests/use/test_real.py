"""Programs that people run: git, gcc, tar, gzip, a server that says it is ready."""

import os
import shutil
import tarfile
from pathlib import Path

import pytest

import osexec
from osexec import PIPE, Cmd, ExitError
from tests.helpers.alive import Tag
from tests.helpers.limits import LONG
from tests.helpers.ready import read_ready


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not shutil.which(program), reason=f"{program} is not here")


@needs("git")
def test_a_repository_from_init_to_log(tmp_path: Path) -> None:
    who = {"NAME": "A", "EMAIL": "a@example.org"}
    env = {f"GIT_{role}_{key}": who[key] for role in ("AUTHOR", "COMMITTER") for key in who}
    env |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    git = Cmd("git", cwd=tmp_path, timeout=LONG, extra_env=env)

    def run(*words: str) -> str:
        return git.replace(args=(*git.args, *words)).text()

    run("init", "--quiet", "--initial-branch=main")
    (tmp_path / "file").write_text("hello\n")
    run("add", "file")
    run("commit", "--quiet", "--message", "The first; with $HOME and 'quotes'")
    assert run("log", "--format=%s") == "The first; with $HOME and 'quotes'"
    assert run("status", "--porcelain") == ""
    assert len(run("rev-parse", "HEAD")) == 40
    with pytest.raises(ExitError, match="no-such-branch") as caught:
        run("log", "no-such-branch", "--")
    assert caught.value.returncode == 128


@needs("gcc")
def test_a_program_that_compiles_and_runs(tmp_path: Path) -> None:
    (tmp_path / "good.c").write_text(
        '#include <stdio.h>\nint main(int n, char **v) { printf("%d %s\\n", n, v[1]); return 4; }\n'
    )
    osexec.output("gcc", "-o", "good", "good.c", cwd=tmp_path, timeout=LONG)
    with pytest.raises(ExitError) as caught:
        osexec.output("./good", "a b", cwd=tmp_path)
    assert caught.value.returncode == 4
    assert caught.value.stdout == b"2 a b\n"


@needs("gcc")
def test_a_broken_program_has_the_compilers_words_in_the_error(tmp_path: Path) -> None:
    (tmp_path / "broken.c").write_text("int main(void) { return undeclared; }\n")
    with pytest.raises(ExitError, match="undeclared") as caught:
        osexec.output("gcc", "broken.c", cwd=tmp_path, timeout=LONG)
    assert b"broken.c:1" in caught.value.stderr
    assert "gcc broken.c exited with status 1" in str(caught.value)


@needs("tar")
@needs("gzip")
def test_an_archive_through_files(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for number in range(20):
        (folder / f"file{number}").write_bytes(bytes([number]) * 50_000)
    osexec.run("tar", "-cf", "-", "folder", cwd=tmp_path, stdout=tmp_path / "a.tar")
    osexec.run("gzip", "-c", stdin=tmp_path / "a.tar", stdout=tmp_path / "a.tar.gz")
    with tarfile.open(tmp_path / "a.tar.gz") as archive:
        assert len(archive.getnames()) == 21
    (tmp_path / "out").mkdir()
    with open(tmp_path / "a.tar.gz", "rb") as packed, open(tmp_path / "b.tar", "wb") as plain:
        osexec.run("gzip", "-dc", stdin=packed, stdout=plain)
    osexec.run("tar", "-xf", tmp_path / "b.tar", cwd=tmp_path / "out")
    assert (tmp_path / "out/folder/file19").read_bytes() == bytes([19]) * 50_000


@needs("gzip")
def test_data_through_memory() -> None:
    data = os.urandom(300_000) + bytes(3_000_000)
    packed = osexec.output("gzip", "-c", stdin=data)
    assert osexec.output("gzip", "-dc", stdin=packed) == data
    with pytest.raises(ExitError, match="gzip"):
        osexec.output("gzip", "-dc", stdin=b"not packed")


SERVER = """
import http.server, sys
server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
print("ready", server.server_port, flush=True)
server.serve_forever()
"""


@needs("python3")
def test_a_server_that_says_ready_and_is_stopped_by_leaving_the_block(
    tmp_path: Path, tag: Tag
) -> None:
    from urllib.request import urlopen

    (tmp_path / "hello.txt").write_text("hello")
    server = Cmd("python3", "-c", SERVER, cwd=tmp_path, stdout=PIPE, stderr=osexec.DEVNULL)
    with server.start() as process:
        word, port = read_ready(process.stdout).split()
        assert word == "ready"
        with urlopen(f"http://127.0.0.1:{port}/hello.txt", timeout=LONG) as answer:
            assert answer.read() == b"hello"
        assert process.poll() is None
    assert tag.alive() == []
    with pytest.raises(OSError, match="refused"):
        urlopen(f"http://127.0.0.1:{port}/hello.txt", timeout=LONG)


def test_two_sleeps_under_a_timeout(tag: Tag) -> None:
    with pytest.raises(TimeoutError):
        Cmd.sh("sleep 1000 & sleep 1000").run(timeout=0.2)
    assert tag.alive() == []
