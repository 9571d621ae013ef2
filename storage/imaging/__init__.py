"""From stored frames to pixels and pictures; all decoding happens in child processes with limits."""
