"""Options of train.py for runs that take seconds."""

# A low learning rate, so that a few steps can't magnify differences in rounding.
QUICK = [
    "--learning-rate=0.0002",
    "--batch-size=64",
    "--drawn-digits=150",
    "--traced-digits=60",
    "--nondigits=40",
    "--cut-pictures=10",
    "--drawings=5",
]
