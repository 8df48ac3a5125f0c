"""Evidence: exports, their verification, and state as of any position, from records alone."""
