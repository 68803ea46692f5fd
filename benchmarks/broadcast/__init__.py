"""The whole of a broadcast, from the stream's record to the last post, against what the samples do."""
