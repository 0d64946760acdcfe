"""The verbs of the package, of which the command line is one user.

- `sources`: load a model, read a corpus, make one of lists;
- `scoring`: evaluate a model, score the answers of any system;
- `drift`: what a model meets beside what it was scored on;
- `selection`: what to label next;
- `training`: train a labeller.

What goes in are files, corpora that were read before, or lists; what comes out are typed results. Nothing here
prints or exits, and all but training does without PyTorch.
"""
