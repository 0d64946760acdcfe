"""How `RESULTS.md` is made: its tables, where their figures come from, how text and pictures are drawn of them."""
