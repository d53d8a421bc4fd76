"""ptr8 and ptr16 for interpreters without MicroPython's viper emitter.

A viper function casts a buffer by calling ptr8(buffer) or ptr16(buffer): its compiler knows these
names and never looks here. Without viper the same source calls the functions below and indexes
what they return.

Only CPython has memoryview.cast; MicroPython gets its buffer back, so a 16-bit load may be signed
or not, as the buffer's type says. Hence the rule for sample loops: mask every 16-bit load and
store with 0xFFFF and extend the sign by hand.
"""

if hasattr(memoryview, "cast"):

    def ptr8(buffer):
        return memoryview(buffer).cast("B")

    def ptr16(buffer):
        return memoryview(buffer).cast("B").cast("H")

else:

    def ptr8(buffer):
        return buffer

    ptr16 = ptr8
