"""What the speaker plays where nothing arrived: the last sample, fading out within some 10 ms.

A concealment has one method, fill(samples, present), called for every frame, whole ones as well,
so that one with a memory of the past (packet-loss concealment in the manner of G.711 Appendix I)
takes this one's place without a change elsewhere.
"""

import micropython

from media.pointers import ptr8, ptr16


class Fade:
    def __init__(self):
        self._level = 0  # the last sample

    @micropython.viper
    def fill(self, samples, present):
        """Fill those blocks of 8 samples (1 ms) of a frame of 160, array("h"), whose flag in
        `present` is 0.
        """
        output = ptr16(samples)
        is_present = ptr8(present)
        level = int(self._level)
        i = 0
        while i < 160:
            if is_present[i >> 3]:
                i += 8
                level = (output[i - 1] & 0xFFFF ^ 0x8000) - 0x8000
            else:
                # Rounded towards zero on both sides, or a negative level would stop at -1.
                level = level * 15 + (level >> 15 & 15) >> 4
                output[i] = level & 0xFFFF
                i += 1
        self._level = level
