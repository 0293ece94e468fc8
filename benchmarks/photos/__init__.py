"""Simulator of photos: how many digits are classified correctly under ordinary circumstances.

Run it as `python -m benchmarks.photos`. The digits come from the generator of `training/handwriting/`, with a seed that
no training uses. Only digits that are classified correctly in clean drawings are used. So the figures tell how much a
circumstance costs. They do not tell how well the network classifies the digits of new writers: `benchmarks/pictures/`
measures that.

The modules in reading order:

    colours.py        colours of sheets, pens and printed lines
    sheet.py          draws digits, lines and boxes on a sheet
    drawings.py       clean drawings, as a drawing program saves them
    camera.py         desk, perspective, light, shadow, blur and noise
    photos.py         photos of a sheet, put together from these
    circumstances.py  the rows of the table: name, goal, and the function that makes a file
    measure.py        classifies the files as the service does
    report.py         the table
"""
