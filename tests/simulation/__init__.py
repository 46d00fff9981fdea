"""Whole clinics over weeks or years, drawn from one seed, with everything that can go wrong on the way; then
what must always hold is checked. `python -m tests.simulation --seed 7` repeats a run exactly."""
