"""Offline training: the data, the gradient, the training recipe and the original notebook.

Read the modules in this order:
    data                        the rows, and how they are split
    backprop, gradient_check    the gradient, and the check that it is right
    parameters, optimiser       the parameters as one vector, and the steps that Adam takes
    augment, handwriting        random distortions of the rows, and a generator of synthetic digits
    fit, recipe                 the training loop and its hyper-parameters
    progress                    a training with a progress bar, and its training curve
    evaluate, crossval          how accurate a network is, and how the hyper-parameters were chosen
    notebook                    the notebook of 2019, with the three faults of its gradient
    reporting, commands         the model card, and the commands of `python -m training`
    command_line, environment   the arguments of these commands, and the variables that fix their arithmetic
The service in `app` never imports this package.
"""
