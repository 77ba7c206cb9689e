"""The catalogue: documented systems as scenarios, run and judged against what they promise."""
