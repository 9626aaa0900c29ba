"""Options of train.py for runs that take seconds."""

# With the low learning rate, the rounding differences between runs don't grow in these few steps.
QUICK = [
    "--learning-rate=0.0002",
    "--batch-size=64",
    "--drawn-digits=150",
    "--traced-digits=60",
    "--nondigits=40",
    "--drawings=100",
]
