"""Commands beside the node: analyze, replay, calibrate, simulate."""
