"""What every stage speaks: requests, candidates, catalogue, events, the trace, errors."""
