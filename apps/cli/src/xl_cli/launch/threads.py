"""How threads wait for one another: asleep, so that beside other work each barrier does not cost a time slice."""

import os


def wait_asleep() -> None:
    """Let OpenMP's threads sleep while they wait; call before torch, numpy's users or scikit-learn are loaded.

    libgomp, which torch ships, reads the environment when it is loaded, and by default spins 300,000 times at each
    barrier. Processes that are started later inherit the setting. Who has set either variable keeps what it means:
    our GOMP_SPINCOUNT would win over a user's OMP_WAIT_POLICY.
    """
    if "OMP_WAIT_POLICY" not in os.environ and "GOMP_SPINCOUNT" not in os.environ:
        os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
        os.environ["GOMP_SPINCOUNT"] = "0"
