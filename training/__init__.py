"""Everything that happens offline: the data, the gradients, the recipe and the notebook's story.

Reading order: `data.py`, `backprop.py`, `optimiser.py`, `augment.py`, `fit.py`, `recipe.py`; then
`evaluate.py`, `crossval.py` and `report.py` for how well it went, and `notebook.py` for where it all came
from. The service never imports this package.
"""
