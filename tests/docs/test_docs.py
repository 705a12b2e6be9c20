"""What the documentation says is what happens: every block of code and every example is run."""

import doctest
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import osexec
from tests.docs.blocks import Block, blocks, steps
from tests.helpers.limits import LONG

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCKS = {page: list(blocks(page.read_text())) for page in PAGES}
CONSOLE = ("console", "sh", "bash", "shell")
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.IGNORE_EXCEPTION_DETAIL

# A page may show what can not be run here; more than these few is a page nobody checks.
MOST_NOT_TESTED = 8


def page_name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def pages_with(*languages: str) -> list[Path]:
    return [page for page in PAGES if any(is_run(block, *languages) for block in BLOCKS[page])]


def is_run(block: Block, *languages: str) -> bool:
    return block.language in languages and block.no_test is None


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to be in, with the programs of this environment first on PATH."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


@pytest.mark.parametrize("page", pages_with("python"), ids=page_name)
def test_the_python_of_a_page_runs_from_top_to_bottom(page: Path, scratch: Path) -> None:
    """The blocks of a page share one namespace, as a reader would have it."""
    names: dict[str, object] = {"__name__": "__main__"}
    for block in BLOCKS[page]:
        if not is_run(block, "python"):
            continue
        if ">>> " in block.text:
            run_examples(block.text, names, f"{page_name(page)}:{block.line}")
        else:
            # Empty lines in front, so that a traceback shows the line of the page.
            padded = "\n" * (block.line - 1) + block.text
            exec(compile(padded, str(page), "exec", dont_inherit=True), names)


@pytest.mark.parametrize("page", pages_with(*CONSOLE), ids=page_name)
def test_the_commands_of_a_page_print_what_it_shows(page: Path, scratch: Path) -> None:
    """Where no output is shown, any will do; `...` in the output stands for anything."""
    for block in BLOCKS[page]:
        for step in steps(block) if is_run(block, *CONSOLE) else ():
            done = subprocess.run(
                ["sh", "-c", step.command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=LONG,
                check=False,
            )
            if step.output.strip():
                same = doctest.OutputChecker().check_output(step.output, done.stdout, FLAGS)
                assert same, shown(page, block, step.command, step.output, done.stdout)


def shown(page: Path, block: Block, command: str, wanted: str, got: str) -> str:
    place = f"{page_name(page)}:{block.line}"
    return f"{place}: $ {command}\n-- the page shows:\n{wanted}\n-- printed now:\n{got}"


def run_examples(text: str, names: dict[str, object], place: str) -> None:
    """Run `>>>` examples in `names`, and keep what they bind there."""
    test = doctest.DocTestParser().get_doctest(text, names, place, place, 0)
    run_doctest(test)
    names.update(test.globs)


def run_doctest(test: doctest.DocTest) -> None:
    report: list[str] = []
    doctest.DocTestRunner(optionflags=FLAGS).run(test, out=report.append, clear_globs=False)
    assert not report, "".join(report)


def docstring_tests() -> list[doctest.DocTest]:
    finder = doctest.DocTestFinder(exclude_empty=True)
    names = {"osexec": osexec} | {name: getattr(osexec, name) for name in osexec.__all__}
    found = {}
    for name in osexec.__all__:
        value = getattr(osexec, name)
        if inspect.isclass(value) or inspect.isroutine(value):
            for test in finder.find(value, f"osexec.{name}", module=False, globs=names):
                found[test.name] = test
    return [test for test in found.values() if test.examples]


@pytest.mark.parametrize("test", docstring_tests(), ids=lambda test: test.name)
def test_the_examples_of_a_docstring_hold(test: doctest.DocTest, scratch: Path) -> None:
    run_doctest(test)


def test_few_blocks_are_not_run() -> None:
    not_run = [
        f"{page_name(page)}:{block.line}: {block.no_test}"
        for page in PAGES
        for block in BLOCKS[page]
        if block.no_test and block.language in ("python", *CONSOLE)
    ]
    assert len(not_run) <= MOST_NOT_TESTED, "\n".join(not_run)


def test_every_link_between_pages_leads_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
            if "://" not in target and not target.startswith("mailto:"):
                assert (page.parent / target).exists(), f"{page_name(page)}: {target}"
