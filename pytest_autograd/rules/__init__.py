"""One module a rule, named ``agNNN_slug.py``; see :mod:`pytest_autograd.rule` for how they are found."""
