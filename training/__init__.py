"""Everything that happens offline: the data, the gradients, the recipe and the notebook's story.

Reading order: `data.py`, `backprop.py`, `optimiser.py`, `augment.py`, `recipe.py`, `evaluate.py`;
then `notebook.py` for where it all came from. The service never imports this package.
"""
