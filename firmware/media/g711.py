"""G.711: A-law and mu-law, bit-exact with ITU-T G.191.

A law in use takes 1 KB of tables; the whole of its encoder as a table would take 16 KB.
"""

from array import array

import micropython

from media.pointers import ptr8, ptr16


def _codes_of(code, mask):
    """The codes of the magnitudes 0 to 511, and 3 more of the same: mu-law's bias lifts the
    largest magnitude by so much.

    A code is the number of the segment and 4 bits of the magnitude, inverted as `mask` says.
    """
    codes = bytearray(515)
    shift = 1
    for magnitude in range(515):
        if magnitude < 512:
            if magnitude >> shift == 32:
                shift += 1
                code += 16
            codes[magnitude] = (code + (magnitude >> shift) ^ mask) & 0xFF
        else:
            codes[magnitude] = codes[511]
    return codes


def _linear_of_alaw(code):
    code ^= 0x55
    segment = code >> 4 & 7
    value = (code & 15) << 4 | 8
    if segment:
        value = (value | 0x100) << segment - 1
    return value if code & 0x80 else -value


def _linear_of_ulaw(code):
    code ^= 0xFF
    value = (((code & 15) << 3) + 132 << (code >> 4 & 7)) - 132
    return -value if code & 0x80 else value


_made = {}  # encoding → G711


def g711(encoding):
    """The G711 of an encoding. It keeps no state, so all sessions share it, and it is made once: at boot, if it can
    be, since then the heap is in one piece.
    """
    if encoding not in _made:
        _made[encoding] = G711(encoding)
    return _made[encoding]


class G711:
    """One law, both directions; 160 samples are 160 codes. encoding: "PCMA" or "PCMU" (RFC 3551,
    table 4).
    """

    def __init__(self, encoding):
        if encoding == "PCMU":
            self._bias = 33
            self._codes = _codes_of(-16, 0xFF)
            linear = _linear_of_ulaw
        else:
            self._bias = 0
            self._codes = _codes_of(0, 0xD5)
            linear = _linear_of_alaw
        self._values = array("h", bytes(512))
        for code in range(256):
            self._values[code] = linear(code)

    @micropython.viper
    def encode(self, samples, codes, offset: int):
        """Encode a frame of 160 samples, array("h"), into codes[offset:offset + 160]."""
        source = ptr16(samples)
        target = ptr8(codes)
        code_of = ptr8(self._codes)
        bias = int(self._bias)
        shift = 2 if bias else 3
        i = 160
        while i:
            i -= 1
            magnitude = source[i]
            sign = 0
            if magnitude & 0x8000:
                # Ones' complement, as in G.191: -1 is the negative zero.
                magnitude = ~magnitude & 0x7FFF
                sign = 0x80
            magnitude = (magnitude >> shift) + bias
            if magnitude > 511:
                # 16 times a magnitude has the same code four segments higher.
                magnitude >>= 4
                sign ^= 0x40
            target[offset + i] = code_of[magnitude] ^ sign

    @micropython.viper
    def decode(self, codes, position: int, samples):
        """Decode 160 codes of a ring of 4096, from `position` on, into samples, array("h")."""
        source = ptr8(codes)
        values = ptr16(self._values)
        target = ptr16(samples)
        i = 160
        while i:
            i -= 1
            target[i] = values[source[position + i & 4095]]
