"""The benchmarks that `make bench` runs, in moderate sizes: about a minute.

Each is also a script of its own, with the full sizes as its defaults: see README.md.
"""

import many
import output
import spawn

print("== bench/spawn.py --rounds 30\n", flush=True)
spawn.main(["--rounds", "30"])
print("\n== bench/output.py --rounds 3 --mib 256\n", flush=True)
output.main(["--rounds", "3", "--mib", "256"])
print("\n== bench/many.py --rounds 1 --counts 1000\n", flush=True)
many.main(["--rounds", "1", "--counts", "1000"])
