"""intrude.py once|always DIRECTORY...: makes a directory "intruder" with all above it in each, round after round, and
takes that away again. Prints after each round how many could be made, and how often which errno came instead."""
import collections
import errno
import os
import sys
import time

made, refused = 0, collections.Counter()
while True:
    for directory in sys.argv[2:]:
        path = os.path.join(directory, "intruder")
        try:
            os.makedirs(path)
            made += 1
            # What is bare keeps what was made above.
            if os.stat(path).st_dev != os.stat("/").st_dev:
                os.rmdir(path)
        except OSError as e:
            refused[errno.errorcode[e.errno]] += 1
    print("done", made, dict(refused), flush=True)
    if sys.argv[1] == "once":
        break
    time.sleep(0.002)  # sleep-ok: the rate of trying
