"""The page and its endpoints: they bring pictures to the classifier and show what came out.

Everything here faces strangers, so every input and every wait has a limit.
"""

# It hands on no names: app.py imports the rooms itself, those that need Gradio while the model is being compiled.
