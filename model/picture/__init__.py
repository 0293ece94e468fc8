"""The conversion of a picture of a digit to the 8×8 image that the network classifies.

The files in reading order:

    convert.py       the whole conversion, in one line
    background.py    subtracts the background of a picture, so that only the strokes remain
    sheet.py         finds the sheet in a picture, for `background.py`
    smooth.py        finds the pixels without edges, for `sheet.py`
    surroundings.py  finds desk and shadows, for `sheet.py`
    printed.py       removes rules, boxes and underlines
    lines.py         finds and erases straight lines, for `printed.py`
    single.py        rejects pictures with several digits
    normalise.py     turns the strokes into an 8×8 image, by the steps that made the training set
    components.py    finds connected components
    morphology.py    erosion, dilation, opening, closing, gradient and top-hat
    resample.py      resizes pictures

Only NumPy is used. Decoding of picture files is in `app/`.
"""
