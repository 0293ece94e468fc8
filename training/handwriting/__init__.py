"""A generator of handwritten digits: it draws digits as pen strokes and turns them into 8×8 images.

The training rows come from 13 people. The generator also has styles that these people do not use. The files in
reading order:

    styles.toml  the styles of each digit, as control points of pen strokes
    styles.py    parses the styles
    strokes.py   blends the drawings of a style, and varies the strokes one by one
    bend.py      bends all strokes of a digit together: slant, rotation, aspect and so on
    render.py    draws the strokes with a pen, and normalises the picture to an 8×8 image
    digits.py    all these steps for one digit
    pool.py      generates many digits on all cores, before a training
"""
