"""Words that the fuzzer puts into inputs: parts of JSON, field names, and the markers of file formats."""

from app.oip.codec.tensors import DTYPES
from model import WEIGHT_SHAPES
from tests.fuzzing.bodies import BINARY, PNG_START, REPEAT
from tests.hostile import SENT_TEXT

SENT = SENT_TEXT.encode()

_JSON = (
    *rb"""[ ] { } , : null true false NaN Infinity 1e999 -0 16.0 17 [] {} "" ],[ ]],[[ 18446744073709551616""".split(),
    *rb"""\ud800" "\u0000" """.split(),
    *(b"\xef\xbb\xbf", b"\xff\xfe", b'"%b"' % SENT, SENT, REPEAT, BINARY),
)
_OIP = (
    *b'"inputs": "outputs": "parameters":{ "name":"pixels" "name":"digit" "name":"probabilities" "datatype":'.split(),
    *b'"shape":[1,64] "data": "binary_data_size":256 "binary_data":true "binary_data_output":true "id":""'.split(),
    *b'"classification":3 "shared_memory_region":"a" "triton_x":1 "ready":true'.split(),
    *(f'"{datatype}"'.encode() for datatype in DTYPES),
)
_PNG = (*b"IHDR PLTE tRNS IDAT IEND eXIf iCCP tEXt zTXt iTXt acTL fcTL fdAT gAMA cHRM sRGB pHYs".split(), PNG_START)
_JPEG = (
    *(bytes((0xFF, marker)) for marker in (*range(0xC0, 0xE2), 0xEE, 0xFE, 0x01, 0x00)),
    *(b"Exif\0\0", b"Exif\0\0II*\0\x08\0\0\0", b"Exif\0\0MM\0*\0\0\0\x08", b"JFIF\0", b"Adobe"),
    b"\x12\x01\x03\0\x01\0\0\0\x06\0",  # the orientation in EXIF data
)
_OTHER_PICTURES = (
    *b"RIFF WEBP VP8L VP8X ALPH ANIM ANMF EXIF ICCP BM GIF89a %PDF-".split(),
    *(b"VP8 ", b"II*\0", b"\0\0\0\x20ftypavif", b"\x0c\0\0\0", b"\x28\0\0\0", b"\x6c\0\0\0", b"\x7c\0\0\0"),
)
_FORM = (
    *(b"Content-Disposition: form-data;", b' name="file"', b' filename="a"', b"filename*=utf-8''a", b"\r\n\r\n"),
    *(b"\r\n--x\r\n", b"\r\n--x--\r\n", b"Content-Type: image/png", b"Content-Transfer-Encoding: base64"),
    *(b"multipart/form-data; boundary=x", b"charset=utf-8", b"charset=idna"),
)
_ARTEFACT = (
    *(b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"),
    *(b"\x93NUMPY\x01\0", b"\x93NUMPY\x02\0", b"\x93NUMPY\x03\0", b"(64, 200)"),
    *b"'descr': 'fortran_order': 'shape': '<f4' '|O' '<U9' True [] {} null NaN 1e999 \\ud800".split(),
    *b'"confusion" "rows" "accuracy" "format_version" "name" "held_out" "log_loss" "curve"'.split(),
    *(f"{name}.npy\0".encode() for name in (*WEIGHT_SHAPES, "card")),
    *(BINARY, REPEAT, SENT),
)
WORDS = {
    "predict": (*_JSON, b'"pixels":', b'"image":', b'"images":', b"application/json"),
    "oip": (*_JSON, *_OIP),
    "picture": (*_PNG, *_JPEG, *_OTHER_PICTURES, *_FORM, SENT, REPEAT),
    "artefact": _ARTEFACT,
}
