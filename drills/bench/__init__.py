"""The benchmark: this build beside an earlier one and beside a peer, in one run."""
