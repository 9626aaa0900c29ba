"""The page and its endpoints: they bring pictures to the classifier and show what came out.

Everything here faces strangers, so every input and every wait has a limit.
"""
