"""Blocks and steps are found as a reader of the page finds them."""

from tests.docs.blocks import Block, Step, blocks, steps

PAGE = """\
# Title

```python
x = 1
```

<!-- no test: needs a printer -->
```console
$ lp page
```

- in a list:

  ```sh
  $ echo a
  a
  ```
"""


def test_a_page_gives_its_blocks_with_language_line_and_reason() -> None:
    assert list(blocks(PAGE)) == [
        Block("python", 4, "x = 1\n"),
        Block("console", 9, "$ lp page\n", "needs a printer"),
        Block("sh", 15, "$ echo a\na\n"),
    ]


def test_a_console_block_gives_commands_with_their_output() -> None:
    block = Block("console", 1, "$ echo a\na\n$ echo b \\\n> c\nb c\n$ true\n")
    assert list(steps(block)) == [
        Step("echo a\n", "a\n"),
        Step("echo b \\\nc\n", "b c\n"),
        Step("true\n", ""),
    ]
