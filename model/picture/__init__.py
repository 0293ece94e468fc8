"""The conversion of a picture of a digit to the 8×8 image that the network classifies.

The files in reading order:

    background.py  subtracts the background of a picture, so that only the strokes remain
    normalise.py   turns the strokes into an 8×8 image, by the steps that made the training set
    components.py  finds connected components and removes the small ones, for `normalise.py`
    resample.py    resizes pictures, for `background.py` and `normalise.py`

Only NumPy is used. Decoding of picture files is in `app/`.
"""
