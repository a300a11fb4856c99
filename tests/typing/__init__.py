"""The typing tests: programs that a type checker must accept, programs whose every marked line it must refuse.

* `NAME_pass.py` is correct: no error in Pyrefly, and it runs (importing it runs its statements, then `run()` if it has
  one). Its `assert_type` are counted.
* `NAME_fail.py` has one bug a line, in a comment `# BUG` or `# BUG: why`. Each must be reported, and each raises: the
  module runs with that one bug line kept and all others left out. Bugs may stand at the top of the file, in functions
  and in methods of modules; the harness calls functions and modules with tensors made from their annotations (sizes 2,
  3, 5, 7 … for the type parameters, or as a dict `SIZES` in the program says; other arguments from a dict `ARGUMENTS`
  by name of the parameter). A line whose annotation is wrong but that runs is `# BUG annotation`, counted apart.
* `portable_*_pass.py` are in the portable spelling: clean in pyright, mypy and ty as well.
* `missed.txt` lists each bug that Pyrefly does not report, with the reason; the tests compare it exactly.

The native spelling shows pyright and ty one false error for each line on which a shape has arithmetic or `*Bs` outside
quotes, and nothing to mypy; each correct program is also checked with these shapes quoted, and is clean.

`python -m tests.typing.report` prints the table.
"""
