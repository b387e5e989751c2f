"""Who records: the trie of recorded calls, one recording as a path through it, results ready to run."""
