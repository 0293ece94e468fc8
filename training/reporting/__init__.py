"""The report on a trained network.

`model_card` writes the report: the model card in Markdown, and the figures that it shows. `plots` and
`normalisation_plot` draw the figures, and `style` gives all figures the same look.
"""
